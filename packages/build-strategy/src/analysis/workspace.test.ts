import { expect, test } from "vitest";
import { lockfiles, makeRepository, now } from "../../test/make-repository.ts";
import type { Files } from "../../test/make-repository.ts";
import { analyzeRepository } from "../index.ts";
import { expandBraces } from "./workspace.ts";

const members: Files = {
  "apps/web/package.json": { name: "web" },
  "apps/web/src/package.json": { type: "module" },
  "packages/a/package.json": { name: "a" },
  "packages/group/b/package.json": { name: "b" },
};

test.each<[string, Files, string, string[]]>([
  ["npm", { "package.json": { workspaces: ["apps/*", "packages/*"] } }, "npm", ["apps/web", "packages/a"]],
  [
    "yarn",
    { ...lockfiles.yarnClassic, "package.json": { workspaces: { packages: ["packages/**"] } } },
    "yarn",
    ["packages/a", "packages/group/b"],
  ],
  [
    "bun",
    { ...lockfiles.bun, "package.json": { workspaces: ["./packages/{a,group/b}"] } },
    "bun",
    ["packages/a", "packages/group/b"],
  ],
  [
    "pnpm",
    { ...lockfiles.pnpm, "package.json": {}, "pnpm-workspace.yaml": "packages:\n  - packages/**\n  - '!**/b'\n" },
    "pnpm",
    ["packages/a"],
  ],
  ["turbo", { "turbo.json": {}, "package.json": { workspaces: ["apps/*"] } }, "turbo", ["apps/web"]],
  ["nx", { "nx.json": {}, "package.json": { workspaces: ["apps/*"] } }, "nx", ["apps/web"]],
  ["lerna", { "lerna.json": '{"packages": ["packages/*"]}', "package.json": {} }, "lerna", ["packages/a"]],
  ["moon", { ".moon/workspace.yml": "projects:\n  - apps/*\n", "package.json": {} }, "moon", ["apps/web"]],
])("a %s repository is seen with its members", async (_, files, tool, expected) => {
  const { monorepo, modules } = await analyzeRepository(await makeRepository({ ...members, ...files }), { now });
  expect(monorepo).toEqual({ tool });
  const paths = modules.map((module) => module.path);
  expect(paths[0]).toBe(".");
  expect(paths).toEqual(expect.arrayContaining(expected));
  expect(paths).not.toContain("apps/web/src");
});

test("rush without a manifest at the root is seen", async () => {
  const files = {
    ...members,
    "rush.json": '{ /* ours */ "projects": [{ "packageName": "web", "projectFolder": "apps/web" }] }',
  };
  const { monorepo, modules } = await analyzeRepository(await makeRepository(files), { now });
  expect(monorepo).toEqual({ tool: "rush" });
  expect(modules.map((module) => module.path)).toContain("apps/web");
});

test("a single module is no monorepo, whatever tool runs its scripts", async () => {
  expect(
    (await analyzeRepository(await makeRepository({ "package.json": {}, "turbo.json": {} }), { now })).monorepo,
  ).toBe(null);
});

test("a member has the lockfile and the package manager of its root, and its own version", async () => {
  const root = await makeRepository({
    ...lockfiles.pnpm,
    ".nvmrc": "22",
    "package.json": { packageManager: "pnpm@9.1.0" },
    "pnpm-workspace.yaml": "packages: ['apps/*']",
    "apps/web/package.json": { name: "web", dependencies: { lib: "workspace:*" } },
    "apps/lib/package.json": { name: "lib", scripts: { build: "tsc" }, engines: { node: "24" } },
  });
  const { modules } = await analyzeRepository(root, { now });
  const web = modules.find((module) => module.path === "apps/web");
  expect(web).toMatchObject({ packageManager: "pnpm", lockfile: "pnpm-lock.yaml", languageVersion: { value: "22" } });
  expect(web?.node).toMatchObject({
    installRoot: ".",
    neededFolders: ["apps/lib", "apps/web"],
    builtFirst: ["apps/lib"],
  });
  expect(modules.find((module) => module.path === "apps/lib")?.languageVersion.value).toBe("24");
});

test("modules that depend on each other in a circle are found", async () => {
  const root = await makeRepository({
    "package.json": { workspaces: ["p/*"] },
    "p/a/package.json": { name: "a", dependencies: { b: "*" } },
    "p/b/package.json": { name: "b", dependencies: { a: "*" } },
  });
  const { modules } = await analyzeRepository(root, { now });
  expect(modules.find((module) => module.path === "p/a")?.node.neededFolders).toEqual(["p/b", "p/a"]);
});

test("braces are written out, and too many are left alone", () => {
  expect(expandBraces("{a,b}/{c,d}")).toEqual(["a/c", "a/d", "b/c", "b/d"]);
  expect(expandBraces("{a,b}".repeat(30)).length).toBeLessThan(200);
});

test("modules of other platforms beside Node are warned of", async () => {
  const root = await makeRepository({ "web/package.json": { name: "web" }, "api/go.mod": "", "api/main.go": "" });
  const { modules, warnings } = await analyzeRepository(root, { now });
  expect(modules.map((module) => module.path)).toEqual(["web"]);
  expect(warnings).toContainEqual({
    code: "PLATFORM_UNSUPPORTED",
    message: expect.stringContaining("api is a go module"),
    file: "api/go.mod",
  });
});
