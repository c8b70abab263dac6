/**
 * Installs the workspace's dependencies, and only when something has changed.
 *
 * - D1  The stamp names the lockfile, the workspace file and what compiled code depends on (Node's ABI, the machine's
 *       architecture). It is written after an install has succeeded, so a broken one is repeated.
 * - D2  pnpm comes through npx in the exact version that package.json pins: corepack fails behind registries that strip
 *       signatures. Once installed, the workspace's own copy of the same version serves, without a look at the network.
 * - D3  The environment is handed on whole: without NODE_EXTRA_CA_CERTS and the proxies, npm hangs on some networks.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { headerVariables } from "./headers.mjs";
import { packageFolders } from "./packages.mjs";
import { manifest, root, toolEnvironment } from "./root.mjs";
import { run } from "./run.mjs";
import { announce } from "./steps.mjs";

const stampFile = join(root, "node_modules", ".container-kit-stamp");

/** Brings node_modules up to date. */
export async function ensureDependencies() {
  const stamp = currentStamp();
  const before = readStamp();
  if (before === stamp.whole && everyPackageIsLinked())
    return ["nothing has changed since the last install", undefined];
  announce(`pnpm ${pnpmVersion()} install (SQLite is compiled where no ready-made binary can be had: minutes, once)`);
  await pnpm(["install", "--frozen-lockfile", "--config.confirmModulesPurge=false"]);
  const compiledFor = before?.split(" ")[1];
  if (compiledFor !== undefined && compiledFor !== stamp.compiled) {
    announce("another Node than last time: compiled code is made anew");
    await pnpm(["--recursive", "rebuild"]);
  }
  writeFileSync(stampFile, `${stamp.whole}\n`);
  return ["installed", undefined];
}

/** The program and the first arguments that run the pinned pnpm. */
function pnpmCommand() {
  const own = join(root, "node_modules", "pnpm");
  if (existsSync(join(own, "package.json")) && versionIn(own) === pnpmVersion()) {
    return [process.execPath, join(own, "bin", "pnpm.cjs")];
  }
  return ["npx", "--yes", `pnpm@${pnpmVersion()}`];
}

async function pnpm(args) {
  const [file, ...first] = pnpmCommand();
  // Two compilers at a time: node-gyp takes one unless told.
  const env = { JOBS: "2", ...toolEnvironment, ...headerVariables() };
  const { code, output } = await run(file, [...first, ...args], { env });
  if (code === 0) return;
  process.stderr.write(output);
  throw new Failure(
    `pnpm ${args[0]} ended with status ${code}; what it printed is above`,
    "It needs the npm registry and, to compile SQLite, python3, make and g++. Mend what it says and run this again.",
  );
}

function currentStamp() {
  const hash = createHash("sha256");
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml"]) hash.update(readFileSync(join(root, file)));
  const compiled = `${process.versions.modules}-${process.arch}`;
  return { whole: `${hash.digest("hex")} ${compiled}`, compiled };
}

/** Whether every package has its node_modules: one that was cleaned by hand would not change the stamp. */
function everyPackageIsLinked() {
  return packageFolders().every((folder) => existsSync(join(folder, "node_modules")));
}

function readStamp() {
  return existsSync(stampFile) ? readFileSync(stampFile, "utf8").trim() : undefined;
}

function pnpmVersion() {
  return manifest.packageManager.split("@")[1];
}

function versionIn(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
}
