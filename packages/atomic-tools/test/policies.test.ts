/** That each tool asks before it acts. The engine is scripted, so that a call of it that comes too early is seen. */
import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createPolicy } from "@container-kit/atomic-runtime";
import type { PolicyRules, ToolContext } from "@container-kit/atomic-runtime";
import { dockerErrors } from "@container-kit/docker-ops";
import type { BuildResult, Engine, ImageDetails, TagOptions } from "@container-kit/docker-ops";
import { defineErrors } from "@container-kit/errors";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createPathPolicy } from "../src/index.ts";
import { contextOf, toolOn } from "./scripted-context.ts";

const fail = defineErrors(dockerErrors);
let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "policies-")));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** An engine that has the image `app:1`, and counts what it is asked to change. */
function engineWith(config: Partial<ImageDetails["config"]>) {
  const tags: Record<string, string> = { "app:1": "sha256:1" };
  const acts: string[] = [];
  const engine = {
    inspect: async (name: string) => {
      // An image stays, also where no tag names it any more.
      const imageId = tags[name] ?? (name.startsWith("sha256:") ? name : undefined);
      if (imageId === undefined) throw fail("IMAGE_NOT_FOUND", `no ${name}`);
      return { imageId, created: new Date().toISOString(), config: { user: "", labels: {}, ...config } };
    },
    build: async (_folder: string, options: { tags: readonly string[] }) => {
      acts.push("build");
      for (const tag of options.tags) tags[tag] = "sha256:2";
      return {
        imageId: "sha256:2",
        tags: options.tags,
        steps: [],
        warnings: [],
        baseImages: [],
      } as unknown as BuildResult;
    },
    push: async () => void acts.push("push"),
    tag: async (source: string, target: string, { onPlan }: TagOptions = {}) => {
      const imageId = tags[source] ?? source;
      await onPlan?.({ imageId, target, replaced: tags[target] ?? null });
      acts.push("tag");
      tags[target] = imageId;
    },
    probe: async () => void acts.push("probe"),
    remove: async (name: string) => void delete tags[name],
  } as unknown as Engine;
  return { engine, tags, acts };
}

/** Runs a tool under rules; the context's notes are what it announced. */
async function run(
  name: string,
  rules: PolicyRules,
  input: Record<string, unknown>,
  { engine, ...given }: Partial<ToolContext> & { readonly engine: Engine },
) {
  const policy = createPolicy([{ source: "the test", rules }]);
  const tool = toolOn(name, { engine, policy, paths: createPathPolicy({ roots: [folder] }) });
  const context = contextOf(name, { policy, jobFolder: () => Promise.resolve(folder), ...given });
  const ended = await tool.run(tool.input.parse(input), context).then(
    () => "completed",
    (error: { code?: string; details?: { rule?: string } }) => error.details?.rule ?? error.code ?? error,
  );
  return { ended, context, undo: () => tool.undo?.(context.notes, context) };
}

test("a build from a base that is not allowed is refused before the engine is asked, dry or not", async () => {
  await writeFile(join(folder, "Dockerfile"), "ARG BASE=node:20\nFROM $BASE\n");
  const rules = { baseImages: { allow: ["r.example.com/**"] } };
  const input = { context: folder, tags: ["new:1"] };
  const { engine, acts, tags } = engineWith({});
  for (const dryRun of [false, true])
    expect((await run("build_image", rules, input, { engine, dryRun })).ended).toBe("baseImages");
  expect([acts, tags["new:1"]]).toEqual([[], undefined]);
  const allowed = await run(
    "build_image",
    rules,
    { ...input, buildArgs: { BASE: "r.example.com/node:20" } },
    { engine },
  );
  expect([allowed.ended, acts, tags]).toEqual([
    "completed",
    ["build", "tag"],
    { "app:1": "sha256:1", "new:1": "sha256:2" },
  ]);
  const fromCache = await run(
    "build_image",
    { registries: { deny: ["evil.test"] } },
    { ...input, cacheFrom: ["evil.test/cache"] },
    { engine },
  );
  expect(fromCache.ended).toBe("registries");
});

test("an image that must not run as root is refused before any name points to it, and the undoing takes it away", async () => {
  await writeFile(join(folder, "Dockerfile"), "FROM scratch\n");
  const { engine, acts, tags } = engineWith({ user: "0" });
  const { ended, undo } = await run(
    "build_image",
    { nonRoot: true },
    { context: folder, tags: ["new:1", "app:1"] },
    { engine },
  );
  const pending = { "container-kit.invalid/pending:e": "sha256:2" };
  expect([ended, acts, tags]).toEqual(["nonRoot", ["build"], { "app:1": "sha256:1", ...pending }]);
  await undo();
  expect(tags).toEqual({ "app:1": "sha256:1" });
});

test.each([
  ["push_image", { image: "app:1" }, "push"],
  ["tag_image", { source: "app:1", target: "app:2" }, "tag"],
  ["probe_image", { image: "app:1", port: 80 }, "probe"],
] as const)("%s asks for the image's labels and user before it acts", async (name, input, act) => {
  const { engine, acts } = engineWith({ labels: { team: "a" } });
  expect((await run(name, { requiredLabels: { team: "b" } }, input, { engine })).ended).toBe("requiredLabels");
  expect((await run(name, { nonRoot: true }, input, { engine, dryRun: true })).ended).toBe("nonRoot");
  expect(acts).toEqual([]);
  await run(name, { requiredLabels: { team: "a" } }, input, { engine });
  expect(acts).toEqual([act]);
});

test("a push of an image whose findings nobody knows is refused where they are limited", async () => {
  const { engine, acts } = engineWith({});
  expect((await run("push_image", { maxSeverity: "high" }, { image: "app:1" }, { engine })).ended).toBe("maxSeverity");
  expect(
    (await run("tag_image", { maxSeverity: "high" }, { source: "app:1", target: "app:2" }, { engine })).ended,
  ).toBe("completed");
  expect(acts).toEqual(["tag"]);
});

test("a build that fails after its image has names gives them back, and leaves those of another build alone", async () => {
  await writeFile(join(folder, "Dockerfile"), "FROM scratch\n");
  const { engine, tags } = engineWith({});
  const broken: Engine = { ...engine, remove: () => Promise.reject(fail("ENGINE_UNAVAILABLE", "gone")) };
  const input = { context: folder, tags: ["app:1", "new:1", "other:1"] };
  const { ended, context } = await run("build_image", {}, input, { engine: broken });
  expect([ended, tags["app:1"], tags["new:1"]]).toEqual(["ENGINE_UNAVAILABLE", "sha256:2", "sha256:2"]);
  tags["other:1"] = "sha256:another";
  await toolOn("build_image", { engine }).undo?.(context.notes, context);
  expect(tags).toEqual({ "app:1": "sha256:1", "other:1": "sha256:another" });
});

test("a tag that was moved goes back where the tool fails afterwards", async () => {
  const { engine, tags } = engineWith({});
  Object.assign(tags, { "b:1": "sha256:b" });
  const { undo } = await run("tag_image", {}, { source: "app:1", target: "b:1", force: true }, { engine });
  expect(tags["b:1"]).toBe("sha256:1");
  await undo();
  expect(tags).toEqual({ "app:1": "sha256:1", "b:1": "sha256:b" });
});

test("a Dockerfile on a base that is not allowed is not written, and one that was written is taken back", async () => {
  const manifest = { name: "a", version: "1.0.0", scripts: { start: "node index.js" }, engines: { node: "20" } };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
  await writeFile(join(folder, "package-lock.json"), JSON.stringify({ lockfileVersion: 3, packages: {} }));
  await writeFile(join(folder, "index.js"), "require('http').createServer().listen(3000)\n");
  const { engine } = engineWith({});
  const written = () => readFile(join(folder, "Dockerfile"), "utf8").catch(() => null);
  const rules = { baseImages: { deny: ["node"] } };
  expect((await run("generate_dockerfile", rules, { path: folder }, { engine })).ended).toBe("baseImages");
  expect(await written()).toBeNull();
  const { ended, undo } = await run("generate_dockerfile", {}, { path: folder }, { engine });
  expect([ended, await written()]).toEqual(["completed", expect.stringContaining("FROM")]);
  await undo();
  expect(await written()).toBeNull();

  await writeFile(join(folder, "Dockerfile"), "FROM mine\n");
  const input = { path: folder, strategy: "template", overwrite: true };
  const planned = await run("generate_dockerfile", {}, input, { engine, dryRun: true });
  expect([planned.ended, await written()]).toEqual(["completed", "FROM mine\n"]);
  const replaced = await run("generate_dockerfile", {}, input, { engine });
  expect(await written()).not.toBe("FROM mine\n");
  expect(await readFile(join(folder, "Dockerfile.bak"), "utf8")).toBe("FROM mine\n");
  await replaced.undo();
  expect(await written()).toBe("FROM mine\n");
  await expect(readFile(join(folder, "Dockerfile.bak"))).rejects.toThrow("ENOENT");
});
