#!/usr/bin/env node
/**
 * `pnpm bench [--full] [word...]`: runs every `bench/*.bench.mjs`, or those whose name holds one of the words. With
 * `--full` those whose name says how much of something they had have as much as was promised, which takes an hour.
 *
 * Each exports `run()`, which returns entries as `compare` of bench/measure.mjs makes them:
 * `{name, ours: {p50, p95}, baseline: {name, p50, p95}, ratio50, ratio95, gate?, unit?}`, times in milliseconds
 * unless there is a unit, ratios ours by
 * baseline, so below 1 is faster. Each runs in a process of its own. All of it is printed as a table and written to
 * bench/results.json. A bench that crashes makes the run fail; one that misses its gate is only said so, since a busy
 * machine may miss any.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Failure, runMain } from "./bootstrap/failure.mjs";
import { prepare } from "./bootstrap/prepare.mjs";
import { root } from "./bootstrap/root.mjs";
import { run } from "./bootstrap/run.mjs";
import { heading, step } from "./bootstrap/steps.mjs";

const FULL = "--full";
const given = process.argv.slice(2).filter((argument) => argument !== "--");
const [first, ...rest] = given.filter((argument) => argument !== FULL);

await runMain(() => (first === "--one" ? runOne(...rest) : runAll(first === undefined ? [] : [first, ...rest])));

/** In a child process: runs one bench and leaves its entries in a file. */
async function runOne(file, output) {
  const bench = await import(pathToFileURL(file).href);
  writeFileSync(output, JSON.stringify(await bench.run()));
  return 0;
}

async function runAll(words) {
  const files = readdirSync(join(root, "bench"))
    .filter((name) => name.endsWith(".bench.mjs"))
    .filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
  if (files.length === 0) throw new Failure("no bench has such a name", "See bench/*.bench.mjs.", { exitCode: 2 });
  const { rig, unavailable } = await prepare({ mayInstall: true });
  const engine =
    rig === undefined
      ? { CONTAINER_KIT_TEST_SKIP_ENGINE: unavailable.message }
      : { ...rig.environment, CONTAINER_KIT_TEST_RIG: rig.rigFile };
  heading("Benchmarks");
  const size = given.includes(FULL) ? { CONTAINER_KIT_BENCH_FULL: "1" } : {};
  const machine = { cpus: cpus().length, cpu: cpus()[0]?.model ?? "unknown", loadBefore: loadavg() };
  const entries = [];
  const crashed = [];
  for (const file of files) {
    const found = await benchmark(file, { ...process.env, ...engine, ...size });
    if (found === undefined) crashed.push(file);
    else entries.push(...found);
  }
  const results = { date: new Date().toISOString(), node: process.versions.node, ...machine, loadAfter: loadavg() };
  writeFileSync(join(root, "bench", "results.json"), `${JSON.stringify({ ...results, crashed, entries }, null, 2)}\n`);
  process.stdout.write(`\n${table(entries)}\n`);
  for (const file of crashed) process.stdout.write(`✗ ${file} crashed\n`);
  const missed = entries.filter((entry) => missesGate(entry)).length;
  process.stdout.write(`\n${entries.length} measured, ${crashed.length} crashed, ${missed} beyond their gate\n`);
  return crashed.length > 0 ? 1 : 0;
}

/** The entries of one bench; undefined when it crashed. */
async function benchmark(file, env) {
  const folder = mkdtempSync(join(tmpdir(), "container-kit-bench-"));
  try {
    return await step(file, async () => {
      const output = join(folder, "entries.json");
      const args = [fileURLToPath(import.meta.url), "--one", join(root, "bench", file), output];
      const result = await run(process.execPath, args, { env });
      if (result.code !== 0) throw new Error(result.output);
      const entries = JSON.parse(readFileSync(output, "utf8"));
      return [`${entries.length} measured`, entries];
    });
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function table(entries) {
  const rows = [["", "ours p50", "p95", "baseline p50", "p95", "ratio p50", "p95", "gate"]];
  for (const entry of entries) {
    rows.push([
      `${entry.name} / ${entry.baseline.name}`,
      ...[entry.ours.p50, entry.ours.p95, entry.baseline.p50, entry.baseline.p95].map(amountIn(entry.unit)),
      entry.ratio50.toFixed(2),
      entry.ratio95.toFixed(2),
      gateText(entry),
    ]);
  }
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at])));
  return rows.map((row) => line(row).join("  ")).join("\n");
}

function gateText(entry) {
  if (entry.gate === undefined) return "-";
  const limits = [entry.gate.ratio50, entry.gate.ratio95].map((limit) => limit ?? "-").join(" / ");
  return `${limits} ${missesGate(entry) ? "missed" : "kept"}`;
}

function missesGate({ ratio50, ratio95, gate = {} }) {
  return ratio50 > (gate.ratio50 ?? Infinity) || ratio95 > (gate.ratio95 ?? Infinity);
}

/** Times in milliseconds, unless the entry counts something else. */
function amountIn(unit) {
  return unit === undefined ? milliseconds : (value) => `${value.toFixed(2)} ${unit}`;
}

function milliseconds(ms) {
  return ms < 1 ? `${(ms * 1000).toFixed(0)} us` : `${ms.toFixed(ms < 100 ? 2 : 0)} ms`;
}
