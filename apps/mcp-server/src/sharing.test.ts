import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plugin } from "@container-kit/atomic-runtime";
import type { RoutingRule } from "@container-kit/context-sharing";
import { createRedactor, silentLogger } from "@container-kit/observability";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RoutingSettings } from "./config/config.ts";
import { checkRouting, openRouting, openSharedContext } from "./sharing.ts";
import type { SharedContext } from "./sharing.ts";

let folder: string;
let storage: Storage;
let shared: SharedContext;
const redactor = createRedactor();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sharing-"));
  storage = await openStorage(`sqlite:${join(folder, "state.db")}`);
  shared = openSharedContext(storage, { logger: silentLogger, redactor });
});

afterEach(async () => {
  await shared.events.close();
  await storage.close();
  await rm(folder, { recursive: true, force: true });
});

const rule = (name: string, fromTool: string): RoutingRule => ({
  name,
  fromTool,
  priority: 1,
  action: "fail",
  reason: "Because.",
});
const settingsWith = (...rules: readonly RoutingRule[]): RoutingSettings => settingsOf(rules, []);
const settingsOf = (rules: readonly RoutingRule[], disabled: readonly string[]): RoutingSettings => ({
  autoFix: true,
  budget: null,
  sources: [{ source: "/user.yaml", rules, disabled }],
});
type Brought = Pick<Plugin, "name" | "tools" | "routingRules">;
const pluginWith = (name: string, tool: string, ...routingRules: readonly RoutingRule[]): Brought => ({
  name,
  tools: [{ name: tool } as Plugin["tools"][number]],
  routingRules,
});

/** The names of the rules, and what was warned of. */
function rulesOf(settings: RoutingSettings, plugins: readonly Brought[], isPluginMissing = false) {
  const warned: unknown[] = [];
  const logger = { warn: (_text: string, fields?: { readonly plugin?: unknown }) => void warned.push(fields?.plugin) };
  const { router } = openRouting({ settings, plugins, isPluginMissing, shared, redactor, logger });
  return { names: router.rules.map(({ name }) => name), warned };
}

test("rules of plugins and of the configuration are one list, and a plugin's may name its own tools", () => {
  const { names, warned } = rulesOf(settingsWith(rule("mine", "sign_image")), [
    pluginWith("signing", "sign_image", rule("theirs", "sign_image")),
  ]);
  expect(names).toEqual(expect.arrayContaining(["mine", "theirs", "repair-dockerfile"]));
  expect(warned).toEqual([]);
});

test("a plugin whose rules cannot be understood loses them, aloud, and nobody else does", () => {
  const { names, warned } = rulesOf(settingsWith(), [
    pluginWith("lost", "a_tool", rule("of-the-lost", "no_such_tool"), rule("also-of-it", "a_tool")),
    pluginWith("fine", "b_tool", rule("of-the-fine", "b_tool")),
  ]);
  expect([names.includes("of-the-lost"), names.includes("also-of-it"), names.includes("of-the-fine")]).toEqual([
    false,
    false,
    true,
  ]);
  expect(warned).toEqual(["lost"]);
});

test("a rule about a tool that nobody has stops the program, unless a plugin is missing that may have it", () => {
  const settings = settingsWith(rule("mine", "sign_image"));
  const refusal = expect.objectContaining({
    code: "INVALID_INPUT",
    message: expect.stringMatching(/mine.*\/user\.yaml.*sign_image/),
  });
  expect(() => checkRouting(settings, false)).toThrow(refusal);
  expect(() => rulesOf(settings, [])).toThrow(refusal);
  checkRouting(settings, true);
  expect(rulesOf(settings, [], true).names).toContain("mine");
});

test("the configuration may leave out a plugin's rule, and name a tool of ours that the contract does not", () => {
  const settings = settingsOf([rule("mine", "probe_image")], ["theirs", "repair-dockerfile"]);
  const plugins = [pluginWith("signing", "sign_image", rule("theirs", "sign_image"), rule("others", "sign_image"))];
  const { names, warned } = rulesOf(settings, plugins);
  expect(names).toEqual(expect.arrayContaining(["mine", "others"]));
  expect(names).not.toEqual(expect.arrayContaining(["theirs"]));
  expect(names).not.toEqual(expect.arrayContaining(["repair-dockerfile"]));
  expect(warned).toEqual([]);
  // Nobody knows the rules of a plugin that is not there, and everybody knows those of all that is.
  expect(rulesOf(settings, [], true).names).toContain("mine");
  expect(() => checkRouting(settings, false)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
});

test("what is kept of a session beside its record goes with it, and is exported with it", async () => {
  const sessionId = "ses_a";
  const producer = { tool: "build_image", executionId: "exe_a" };
  const value = { reference: "app:1", imageId: "sha256:1" };
  await shared.context.share({ sessionId, type: "image", key: "app:1", value, producer });
  const exported = async () => {
    const parts = shared.companions.map(async ({ name, exportSession }) => [name, await exportSession?.(sessionId)]);
    return Object.fromEntries(await Promise.all(parts)) as Record<string, readonly object[]>;
  };
  await shared.events.publish({ type: "tool.completed", sessionId, data: {} });
  expect(await exported()).toMatchObject({
    context: [{ key: "app:1", value }],
    events: [{ type: "context.shared" }, { type: "tool.completed" }],
  });
  for (const { removeSession } of shared.companions) await removeSession(sessionId);
  expect(await exported()).toMatchObject({ context: [], events: [] });
});
