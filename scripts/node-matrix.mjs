#!/usr/bin/env node
/**
 * Is the promise about Node's versions true? Every package is imported, and the program started, on the lowest version
 * that package.json promises; the tests are run on a newer line.
 *
 * The binaries come from the npm packages `node-<platform>-<arch>`, which carry Node's headers too, and are kept in the
 * user's cache folder. The last line is `N passed, N failed`. `--again` is handed on to the tests.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { copyTree } from "./bootstrap/copy-tree.mjs";
import { Failure, runMain } from "./bootstrap/failure.mjs";
import { prepare } from "./bootstrap/prepare.mjs";
import { packageFolders } from "./bootstrap/packages.mjs";
import { manifest } from "./bootstrap/root.mjs";
import { run } from "./bootstrap/run.mjs";
import { announce, heading, seconds, step } from "./bootstrap/steps.mjs";
import { readTotals, totalsLine } from "./bootstrap/totals.mjs";

const LOWEST = `${/(\d+\.\d+)/.exec(manifest.engines.node)[1]}.0`;
const NEWER = "22.23.3";

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "container-kit");

await runMain(async () => {
  const { rig, unavailable } = await prepare({ mayInstall: true });
  heading(`Imports on Node ${LOWEST}`);
  const imports = await importEverything(await provideNode(LOWEST));
  heading(`Tests on Node ${NEWER}`);
  const tests = await testOn(await provideNode(NEWER), rig, unavailable);
  const sum = (key) => imports[key] + tests[key];
  const totals = { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
  process.stdout.write(`\n${totalsLine(totals)}\n`);
  return totals.failed > 0 ? 1 : 0;
});

/** The folder of a Node of exactly this version, downloaded once. */
async function provideNode(version) {
  return step(`node ${version}`, async () => {
    const folder = join(cache, `node-${version}`);
    if (existsSync(join(folder, "bin", "node"))) return [folder, folder];
    const name = `node-${process.platform}-${process.arch}@${version}`;
    announce(`npm pack ${name}`);
    mkdirSync(cache, { recursive: true });
    const draft = mkdtempSync(join(cache, "draft-"));
    try {
      const packed = await run("npm", ["pack", name, "--silent", "--pack-destination", draft], { cwd: draft });
      const archive = readdirSync(draft).find((file) => file.endsWith(".tgz"));
      if (packed.code !== 0 || archive === undefined) {
        throw new Failure(`npm has no ${name}: ${packed.output.trim()}`, "Check the connection to the npm registry.");
      }
      await run("tar", ["-xzf", join(draft, archive), "-C", draft]);
      const { output } = await run(join(draft, "package", "bin", "node"), ["--version"]);
      if (output.trim() !== `v${version}`) {
        throw new Failure(`${name} is not that version: it says ${output.trim()}`, "Choose a version that npm has.");
      }
      rmSync(folder, { recursive: true, force: true });
      renameSync(join(draft, "package"), folder);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
    return [`${folder}, downloaded`, folder];
  });
}

/** Imports each package's entries and starts the program. Each is counted. */
async function importEverything(nodeFolder) {
  const node = join(nodeFolder, "bin", "node");
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, args } of [...packageEntries(), ...programs()]) {
    const start = performance.now();
    const { code, output } = await run(node, args);
    totals[code === 0 ? "passed" : "failed"] += 1;
    const mark = code === 0 ? "✓" : "✗";
    process.stderr.write(`  ${mark} ${name} · ${seconds(performance.now() - start)}\n${code === 0 ? "" : output}`);
  }
  return totals;
}

/** What to run for each entry of each package's exports. */
function packageEntries() {
  return packageFolders(["packages"]).flatMap((folder) => {
    const { name, exports = {} } = readManifest(folder);
    return Object.entries(exports)
      .filter(([, target]) => typeof target === "object")
      .map(([entry, target]) => {
        const file = pathToFileURL(join(folder, target.default)).href;
        const script = `const names = Object.keys(await import("${file}")); if (names.length === 0) process.exit(1);`;
        return { name: join(name, entry), args: ["--input-type=module", "--eval", script] };
      });
  });
}

/** What to run for each program that is published. */
function programs() {
  return packageFolders(["apps"]).flatMap((folder) => {
    const { bin = {} } = readManifest(folder);
    return Object.entries(bin).map(([name, file]) => ({
      name: `${name} --version`,
      args: [join(folder, file), "--version"],
    }));
  });
}

/** Runs the tests in a copy of the repository, with dependencies that were installed, and compiled, by that Node. */
async function testOn(nodeFolder, rig, unavailable) {
  const copy = mkdtempSync(join(tmpdir(), "container-kit-matrix-"));
  try {
    await step("copy", async () => [copy, await copyTree(copy)]);
    const engine =
      rig === undefined
        ? { CONTAINER_KIT_TEST_SKIP_ENGINE: unavailable.message }
        : { ...rig.environment, CONTAINER_KIT_TEST_RIG: rig.rigFile };
    const env = { ...process.env, ...engine, PATH: [join(nodeFolder, "bin"), process.env.PATH].join(delimiter) };
    const node = join(nodeFolder, "bin", "node");
    const again = process.argv.includes("--again") ? ["--again"] : [];
    const { code, output } = await run(node, [join(copy, "scripts", "test.mjs"), ...again], {
      cwd: copy,
      env,
      output: "stdout",
    });
    process.stderr.write(output);
    const totals = readTotals(output) ?? { passed: 0, failed: 1, skipped: 0 };
    // A run that ends badly has failed, whatever it counted.
    return code === 0 || totals.failed > 0 ? totals : { ...totals, failed: 1 };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}
