#!/usr/bin/env node
/**
 * `pnpm check [name...]`: every check in turn, all of them even after a failure, each with its time and result.
 *
 * With names only those. The last line is `N passed, N failed`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureDependencies } from "./bootstrap/dependencies.mjs";
import { Failure, runMain } from "./bootstrap/failure.mjs";
import { root, toolEnvironment } from "./bootstrap/root.mjs";
import { run } from "./bootstrap/run.mjs";
import { seconds } from "./bootstrap/steps.mjs";
import { totalsLine } from "./bootstrap/totals.mjs";

/** The checks: a name, what it keeps, and the command. */
const checks = [
  [
    "types",
    "the compiler's strictest options",
    ["turbo", "run", "typecheck", "--continue", "--output-logs=errors-only"],
  ],
  ["lint", "no lint rule is broken, the type-aware ones included", ["oxlint", "--type-aware", "--deny-warnings"]],
  ["format", "every file is formatted", ["oxfmt", "--check"]],
  ["layers", "imports go to a lower layer, by name", ["turbo", "boundaries"]],
  ["unused", "no unused file, export or dependency", ["knip", "--no-progress"]],
  ["versions", "one version of each dependency, in order", ["sherif"]],
  ["catalog", "each version stands in the catalog", ["node", "scripts/check-catalog.mjs"]],
  [
    "packages",
    "what is published is correct",
    ["turbo", "run", "package-check", "--continue", "--output-logs=errors-only"],
  ],
  ["documented", "every exported name has a doc comment", ["node", "scripts/check-documented.mjs"]],
  ["errors", "docs/errors.md holds every code", ["node", "scripts/error-docs.mjs", "--check"]],
];

await runMain(async () => {
  const names = process.argv.slice(2).filter((argument) => argument !== "--");
  const unknown = names.filter((name) => !checks.some(([known]) => known === name));
  if (unknown.length > 0) {
    const known = checks.map(([name]) => name).join(" ");
    throw new Failure(`unknown: ${unknown.join(" ")}`, `The checks are: ${known}`, { exitCode: 2 });
  }
  await ensureDependencies();
  const totals = { passed: 0, failed: 0, skipped: 0 };
  for (const check of checks.filter(([name]) => names.length === 0 || names.includes(name))) {
    totals[await runCheck(check)] += 1;
  }
  process.stdout.write(`\n${totalsLine(totals)}\n`);
  return totals.failed > 0 ? 1 : 0;
});

/** Runs one check and prints its line, and its output if it failed. Returns what it counts as. */
async function runCheck([name, promise, [program, ...args]]) {
  if (program === "node" && !existsSync(join(root, args[0]))) {
    process.stdout.write(`- ${name.padEnd(10)} ${promise}: skipped, there is no ${args[0]}\n`);
    return "skipped";
  }
  const start = performance.now();
  const file = program === "node" ? process.execPath : join(root, "node_modules", ".bin", program);
  const { code, output } = await run(file, args, { env: toolEnvironment });
  const time = seconds(performance.now() - start);
  process.stdout.write(`${code === 0 ? "✓" : "✗"} ${name.padEnd(10)} ${promise} · ${time}\n`);
  if (code !== 0) process.stdout.write(`\n${output.trimEnd()}\n\n`);
  return code === 0 ? "passed" : "failed";
}
