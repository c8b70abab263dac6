/** Scanners, strategies and credential sources: called where the plugin runs, checked on the way in and out. */
import { expect, test } from "vitest";
import { contextOf, pluginRig } from "../../test/plugin-rig.ts";
import { collectExtensions } from "../index.ts";
import type { Extensions } from "../index.ts";

const text = `
const about = { title: "Something", description: "For a test." };
const finding = (message) => ({ rule: "todo", severity: "low", message, file: "a.js", line: 1 });
export const plugin = { name: "extended", version: "1.0.0", apiVersion: 1, tools: [],
  scanners: [
    { ...about, name: "scan_todo", describes: ["path"], scan: async ({ target }, { logger }) => { logger.info("scanning"); return [finding("in " + target)]; } },
    { ...about, name: "scan_wrong", describes: ["path"], scan: async () => [{ rule: 1 }] },
    { ...about, name: "scan_broken", describes: ["path"], scan: async () => { throw new Error("broken"); } },
    { ...about, name: "scan_forever", describes: ["path"], scan: () => new Promise(() => {}) },
  ],
  strategies: [{ ...about, name: "plan_static", plan: async () => ({ score: 10, reasons: ["index.html"], dockerfile: "FROM scratch\\n" }) }],
  credentialSources: [{ ...about, name: "find_vault", find: async ({ registry }) => registry === "known" ? { username: "u", password: "p" } : null }],
  policies: [{ nonRoot: true }],
};`;

test.each([false, true])(
  "extensions of a plugin can be called, and what they return is checked (trusted: %s)",
  async (trusted) => {
    const rig = await pluginRig();
    await rig.write("extended", text);
    const { plugins } = await rig.load([{ package: "./extended", trusted }]);
    const { scanners, strategies, credentialSources } = collectExtensions(plugins);
    const context = contextOf();
    const scan = (name: string, signal = context.signal) => {
      const scanner = scanners.find((one) => one.name === name) as Extensions["scanners"][number];
      return scanner.scan({ kind: "path", target: "/src" }, { ...context, signal });
    };
    expect(scanners[0]).toMatchObject({ plugin: "extended", name: "scan_todo", describes: ["path"] });
    expect(await scan("scan_todo")).toEqual([
      { rule: "todo", severity: "low", message: "in /src", file: "a.js", line: 1 },
    ]);
    await expect(scan("scan_wrong")).rejects.toMatchObject({ code: "OUTPUT_INVALID" });
    await expect(scan("scan_broken")).rejects.toMatchObject({
      code: "PLUGIN_FAILED",
      message: expect.stringContaining("broken") as string,
    });
    await expect(scan("scan_forever", AbortSignal.timeout(50))).rejects.toMatchObject({ code: "CANCELLED" });
    await expect(scanners[0]?.scan({ kind: "other" as "path", target: "" }, context)).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
    expect(await strategies[0]?.plan({ path: "/src" }, context)).toMatchObject({ score: 10 });
    expect(await credentialSources[0]?.find({ registry: "known" }, context)).toEqual({ username: "u", password: "p" });
    expect(await credentialSources[0]?.find({ registry: "other" }, context)).toBeNull();
    expect(plugins[0]?.policies).toEqual([{ nonRoot: true }]);
  },
);
