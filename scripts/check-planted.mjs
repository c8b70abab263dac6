#!/usr/bin/env node
/**
 * `pnpm check:planted`: has each check been seen to fail? In a copy of the repository one fault after the other is
 * planted; the check that is there for it must fail and name what was planted. The last line is `N passed, N failed`.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { copyTree } from "./bootstrap/copy-tree.mjs";
import { Failure, runMain } from "./bootstrap/failure.mjs";
import { prepareWorkspace } from "./bootstrap/prepare.mjs";
import { root, toolEnvironment } from "./bootstrap/root.mjs";
import { run } from "./bootstrap/run.mjs";
import { heading, seconds, step } from "./bootstrap/steps.mjs";
import { totalsLine } from "./bootstrap/totals.mjs";

/** A new file in the lowest package: nobody imports it, so it disturbs nothing but the check it is for. */
const NEW_FILE = "packages/errors/src/planted.ts";

/** The faults: the check, what is planted, the files (new content, or a change of the old), and what it must name. */
const faults = [
  ["types", "a type error", { [NEW_FILE]: 'export const planted: number = "text";\n' }, ["TS2322", "planted.ts"]],
  [
    "lint",
    "a promise that nobody waits for",
    { [NEW_FILE]: "export function planted(): void {\n  Promise.resolve(1);\n}\n" },
    ["no-floating-promises", "planted.ts"],
  ],
  [
    "lint",
    "a default export",
    { [NEW_FILE]: "const planted = 1;\nexport default planted;\n" },
    ["no-default-export", "planted.ts"],
  ],
  ["lint", "a cycle of imports", { [NEW_FILE]: 'export * from "./planted.ts";\n' }, ["no-cycle", "planted.ts"]],
  [
    "lint",
    "dockerode outside docker-ops",
    { [NEW_FILE]: 'import Docker from "dockerode";\n\nexport const planted = new Docker();\n' },
    ["docker-ops talks to an engine", "planted.ts"],
  ],
  [
    "documented",
    "an export without a doc comment",
    {
      [NEW_FILE]: "export const planted = 1;\n",
      "packages/errors/src/index.ts": (text) => `${text}export { planted } from "./planted.ts";\n`,
    },
    ["planted.ts: planted is exported"],
  ],
  ["format", "bad formatting", { [NEW_FILE]: "export const planted={a:1,b :2}\n" }, ["planted.ts"]],
  [
    "layers",
    "an import of a higher layer",
    {
      [NEW_FILE]: 'import type { Storage } from "@container-kit/storage";\n\nexport type Planted = Storage;\n',
      "packages/errors/package.json": addDependency("@container-kit/storage", "workspace:*"),
    },
    ["`@container-kit/storage`", "`@container-kit/errors`"],
  ],
  [
    "layers",
    "an import of a neighbour in the same layer",
    {
      "packages/storage/src/planted.ts":
        'import type { Engine } from "@container-kit/docker-ops";\n\nexport type P = Engine;\n',
      "packages/storage/package.json": addDependency("@container-kit/docker-ops", "workspace:*"),
    },
    ["`@container-kit/docker-ops`", "`@container-kit/storage`"],
  ],
  [
    "layers",
    "an import of another package's insides",
    { "packages/session/src/planted.ts": 'export { defineErrors } from "../../errors/src/index.ts";\n' },
    ["../../errors/src/index.ts"],
  ],
  [
    "unused",
    "an export that nobody uses",
    { "packages/errors/src/error-result.ts": (text) => `${text}\nexport const plantedExport = 1;\n` },
    ["plantedExport"],
  ],
  ["unused", "a file that nobody imports", { [NEW_FILE]: "export const planted = 1;\n" }, ["planted.ts"]],
  [
    "unused",
    "a dependency that nobody imports",
    { "packages/errors/package.json": addDependency("semver", "catalog:") },
    ["semver", "packages/errors/package.json"],
  ],
  [
    "versions",
    "a second version of a dependency",
    {
      "packages/errors/package.json": addDependency("zod", "3.0.0"),
      "packages/observability/package.json": addDependency("zod", "3.1.0"),
    },
    ["zod", "3.1.0"],
  ],
  [
    "catalog",
    "a version beside the catalog's",
    { "packages/errors/package.json": addDependency("zod", "3.0.0") },
    ["packages/errors/package.json: zod is 3.0.0"],
  ],
  [
    "packages",
    "an exports map that points nowhere",
    { "packages/errors/package.json": (text) => text.replace("./dist/index.d.ts", "./dist/nowhere.d.ts") },
    ["nowhere.d.ts"],
  ],
  ["errors", "a code that is not in the documentation", { "docs/errors.md": "# Errors\n" }, ["docs/errors.md"]],
];

await runMain(async () => {
  await prepareWorkspace();
  heading("Copy");
  const copy = realpathSync(mkdtempSync(join(tmpdir(), "container-kit-planted-")));
  try {
    await step("files", async () => [copy, await copyTree(copy)]);
    await step("dependencies", () => installOffline(copy));
    const totals = { passed: 0, failed: 0, skipped: 0 };
    for (const fault of faults) totals[await plant(copy, fault)] += 1;
    process.stdout.write(`\n${totalsLine(totals)}\n`);
    return totals.failed > 0 ? 1 : 0;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});

async function installOffline(copy) {
  const pnpm = join(root, "node_modules", ".bin", "pnpm");
  const args = ["install", "--offline", "--frozen-lockfile"];
  const { code, output } = await run(pnpm, args, { cwd: copy, env: toolEnvironment });
  if (code !== 0) throw new Failure(`pnpm install failed in the copy:\n${output}`, "Mend it and run this again.");
  return ["installed from pnpm's store", undefined];
}

/** Plants a fault, runs its check, and takes the fault away again. Returns what it counts as. */
async function plant(copy, [check, what, files, mustName]) {
  if (check === "errors" && !existsSync(join(copy, "scripts", "error-docs.mjs"))) return "skipped";
  const originals = new Map();
  for (const [name, content] of Object.entries(files)) {
    const file = join(copy, name);
    originals.set(file, existsSync(file) ? readFileSync(file, "utf8") : undefined);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "function" ? content(originals.get(file)) : content);
  }
  const start = performance.now();
  // What is unchanged was built and checked before: turbo knows it by its content, not by its place.
  const env = { ...process.env, NO_COLOR: "1", TURBO_CACHE_DIR: join(root, ".turbo", "cache") };
  const { code, output } = await run(process.execPath, [join("scripts", "check.mjs"), check], { cwd: copy, env });
  for (const [file, content] of originals) {
    if (content === undefined) rmSync(file);
    else writeFileSync(file, content);
  }
  const unnamed = mustName.filter((text) => !output.includes(text));
  const verdict = code === 0 ? "was not found" : unnamed.length > 0 ? `does not name ${unnamed.join(", ")}` : "found";
  const isFound = verdict === "found";
  const time = seconds(performance.now() - start);
  process.stdout.write(`${isFound ? "✓" : "✗"} ${check.padEnd(10)} ${what}: ${verdict} · ${time}\n`);
  if (!isFound) process.stdout.write(`\n${output.trimEnd()}\n\n`);
  return isFound ? "passed" : "failed";
}

function addDependency(name, version) {
  return (text) => {
    const manifest = JSON.parse(text);
    return `${JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, [name]: version } }, null, 2)}\n`;
  };
}
