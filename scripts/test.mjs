#!/usr/bin/env node
/**
 * `npm test [-- <vitest arguments>]`: sets up what is missing and runs every test on a real engine and a real registry,
 * and those that are for every engine on Podman too.
 *
 * The last line is `N passed, N failed`, with `, N skipped` where something was. A test file that could not be loaded
 * counts as a failure, and so does a run without tests. `-- --no-install` forbids installing; where no engine can be
 * had, tests that need one are skipped and the reason is shown. Where CONTAINER_KIT_TEST_RIG names a rig that is up
 * already, that one is used as it is.
 *
 * With `-- --again`, as in CI, up to two files with failures are run once more, by themselves. What passes then counts,
 * and is named with what it said before: it is unsteady, and to be mended, but not broken.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runMain, show } from "./bootstrap/failure.mjs";
import { prepare, prepareWorkspace, takeFlag } from "./bootstrap/prepare.mjs";
import { root, toolEnvironment } from "./bootstrap/root.mjs";
import { run } from "./bootstrap/run.mjs";
import { elapsedMs, heading, seconds } from "./bootstrap/steps.mjs";
import { countTests, mergeRuns, totalsLine } from "./bootstrap/totals.mjs";

/** More files than that are no unsteadiness. */
const MOST_AGAIN = 2;

await runMain(async () => {
  const args = process.argv.slice(2);
  const mayInstall = !takeFlag(args, "--no-install");
  const again = takeFlag(args, "--again");
  let prepared;
  try {
    prepared = process.env.CONTAINER_KIT_TEST_RIG
      ? await prepareWorkspace()
      : await prepare({ mayInstall, forTests: true });
  } catch (error) {
    const status = show(error);
    process.stdout.write(`${totalsLine({ passed: 0, failed: 1 })}\n`);
    return status;
  }
  return runTests(args, prepared, again);
});

async function runTests(args, { rig, unavailable } = {}, again = false) {
  heading("Tests");
  const env = { ...toolEnvironment, ...engineVariables(rig, unavailable) };
  const first = await runVitest(args, env);
  let totals = countTests(first.report, first.code);
  const files = (first.report?.testResults ?? []).filter(({ status }) => status === "failed").map(({ name }) => name);
  if (again && totals.failed > 0 && files.length > 0 && files.length <= MOST_AGAIN) {
    heading("Once more, what failed");
    const second = await runVitest(files, env);
    totals = mergeRuns(first.report, totals, second);
  }
  for (const problem of totals.problems) process.stdout.write(`${problem}\n`);
  if (unavailable !== undefined) {
    process.stdout.write(`Engine tests were skipped: ${unavailable.message}. ${unavailable.remedy}\n`);
  }
  process.stdout.write(`\nAll of it took ${seconds(elapsedMs())}.\n${totalsLine(totals)}\n`);
  return totals.failed > 0 ? 1 : 0;
}

async function runVitest(args, env) {
  const folder = mkdtempSync(join(tmpdir(), "container-kit-test-"));
  try {
    const report = join(folder, "report.json");
    const vitest = join(root, "node_modules", ".bin", "vitest");
    const reporting = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    const { code } = await run(vitest, ["run", ...reporting, ...args], { env, output: "inherit" });
    return { code, report: readReport(report) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How the testkit learns of the rig, or why there is none. */
function engineVariables(rig, unavailable) {
  if (unavailable !== undefined) return { CONTAINER_KIT_TEST_SKIP_ENGINE: unavailable.message };
  if (rig === undefined) return {};
  return { ...rig.environment, CONTAINER_KIT_TEST_RIG: rig.rigFile };
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
