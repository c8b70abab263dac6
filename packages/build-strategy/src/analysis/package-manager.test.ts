import { expect, test } from "vitest";
import { lockfiles, makeRepository, now } from "../../test/make-repository.ts";
import type { Files } from "../../test/make-repository.ts";
import { analyzeRepository } from "../index.ts";

async function manager(files: Files) {
  const { modules, warnings } = await analyzeRepository(await makeRepository({ "package.json": {}, ...files }), {
    now,
  });
  const [module] = modules;
  return {
    name: module?.packageManager,
    version: module?.node.packageManagerVersion,
    lockfile: module?.lockfile,
    codes: warnings.map((warning) => warning.code),
  };
}

const declared = (packageManager: string): Files => ({ "package.json": { packageManager } });

test.each<[string, Files, Record<string, unknown>]>([
  ["nothing", {}, { name: "npm", version: null, lockfile: null }],
  ["package-lock.json", lockfiles.npm, { name: "npm", version: null, lockfile: "package-lock.json" }],
  ["npm-shrinkwrap.json", { "npm-shrinkwrap.json": {} }, { name: "npm", lockfile: "npm-shrinkwrap.json" }],
  ["pnpm-lock.yaml 9.0", lockfiles.pnpm, { name: "pnpm", version: "9", lockfile: "pnpm-lock.yaml" }],
  [
    "pnpm-lock.yaml 9.0 with settings of pnpm 10",
    { ...lockfiles.pnpm, "pnpm-workspace.yaml": "onlyBuiltDependencies: [esbuild]\n" },
    { name: "pnpm", version: "10" },
  ],
  ["pnpm-lock.yaml 6.0", { "pnpm-lock.yaml": "lockfileVersion: '6.0'\n" }, { version: "8" }],
  ["pnpm-lock.yaml 5.4", { "pnpm-lock.yaml": "lockfileVersion: 5.4\n" }, { version: "7" }],
  ["yarn.lock of yarn 1", lockfiles.yarnClassic, { name: "yarn", version: "1" }],
  ["yarn.lock of yarn 4", lockfiles.yarnModern, { name: "yarn", version: "4" }],
  [
    "a yarn release in the repository",
    { ...lockfiles.yarnModern, ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-3.8.2.cjs\n" },
    { name: "yarn", version: "3.8.2" },
  ],
  ["bun.lock", lockfiles.bun, { name: "bun", lockfile: "bun.lock" }],
  ["bun.lockb", { "bun.lockb": "\0" }, { name: "bun", lockfile: "bun.lockb" }],
  ["bunfig.toml", { "bunfig.toml": "" }, { name: "bun" }],
  ["engines.yarn", { "package.json": { engines: { yarn: "^1.22" } } }, { name: "yarn" }],
  ["engines.npm beside engines.pnpm", { "package.json": { engines: { npm: "10", pnpm: ">=8" } } }, { name: "pnpm" }],
  [
    "packageManager over the lockfile",
    { ...lockfiles.npm, ...declared("pnpm@8.6.0") },
    { name: "pnpm", version: "8.6.0", lockfile: null, codes: expect.arrayContaining(["PACKAGE_MANAGER_DISAGREES"]) },
  ],
  [
    "packageManager with a hash",
    { ...lockfiles.yarnModern, ...declared("yarn@4.1.0+sha224.fd2") },
    { name: "yarn", version: "4.1.0", lockfile: "yarn.lock" },
  ],
  [
    "devEngines",
    { "package.json": { devEngines: { packageManager: { name: "bun", version: "^1.2.0" } } } },
    { name: "bun", version: "1" },
  ],
  ["a packageManager that would end in a shell", declared("pnpm@9; rm -rf /"), { name: "pnpm", version: "10" }],
  ["a packageManager that nobody knows", declared("cargo@1"), { name: "npm" }],
  [
    "two lockfiles",
    { ...lockfiles.npm, ...lockfiles.yarnClassic },
    { name: "yarn", lockfile: "yarn.lock", codes: expect.arrayContaining(["LOCKFILE_CONFLICT"]) },
  ],
])("%s", async (_, files, expected) => {
  expect(await manager(files)).toMatchObject(expected);
});
