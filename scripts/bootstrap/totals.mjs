/** The closing line of a run, and how tests are counted for it. */

/**
 * Counts a vitest JSON report.
 *
 * - T1  What cannot be counted is a failure: no report, a test file that did not load, a run without a single test, or
 *       vitest ending badly although no test failed (an error that nobody caught).
 */
export function countTests(report, exitCode) {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0, problems: ["✗ vitest left no report"] };
  const problems = report.testResults
    .flatMap((file) => file.assertionResults.map(failureOf(file.name)))
    .filter(Boolean);
  const results = report.testResults.flatMap((file) => file.assertionResults);
  const count = (...states) => results.filter((result) => states.includes(result.status)).length;
  const passed = count("passed");
  const skipped = count("skipped", "pending", "todo", "disabled");
  let failed = results.length - passed - skipped;
  for (const file of report.testResults) {
    if (file.status !== "failed" || file.assertionResults.some((result) => result.status === "failed")) continue;
    failed += 1;
    problems.push(`✗ ${file.name} did not run to its end: ${file.message.split("\n")[0]}`);
  }
  if (results.length === 0 && failed === 0) {
    failed = 1;
    problems.push("✗ there was no test to run");
  }
  if (exitCode !== 0 && failed === 0) {
    failed = 1;
    problems.push(`✗ no test failed, but vitest ended with status ${exitCode}: see the unhandled errors above`);
  }
  return { passed, failed, skipped, problems };
}

/**
 * What two runs come to, of which the second was of the first one's failed files only.
 *
 * - T2  What passed only in the second one is named with a ~ and with what it said in the first.
 */
export function mergeRuns(report, totals, second) {
  const files = new Set((second.report?.testResults ?? []).map(({ name }) => name));
  const others = report.testResults.filter(({ name, status }) => status !== "failed" || !files.has(name));
  const testResults = [...others, ...(second.report?.testResults ?? [])];
  const merged = countTests(second.report === undefined ? undefined : { testResults }, second.code);
  if (merged.failed > 0) return { ...merged, problems: [...totals.problems, ...merged.problems] };
  return { ...merged, problems: totals.problems.map((problem) => problem.replace("✗", "~ passed once more only:")) };
}

/** A line for a test that failed, to stand near the closing line: what vitest says of it may be thousands of lines above. */
function failureOf(file) {
  return ({ status, fullName, failureMessages }) => {
    if (status !== "failed") return undefined;
    const said = failureMessages
      .join("\n")
      .split("\n")
      .filter((line) => !line.includes("/node_modules/"));
    return [`✗ ${file} > ${fullName}:`, ...said.slice(0, 12)].join("\n    ");
  };
}

/** `N passed, N failed`, with `, N skipped` where something was. */
export function totalsLine({ passed, failed, skipped = 0 }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** Finds the closing line in what a run printed; undefined where it has none. */
export function readTotals(output) {
  const lines = output.trimEnd().split("\n");
  const match = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(lines.at(-1) ?? "");
  if (match === null) return undefined;
  return { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3] ?? 0) };
}
