#!/usr/bin/env node
/**
 * `pnpm chaos [-- --small] [-- --seed N] [word...]`: the long proofs, at full count; `--small` is the part that CI runs.
 *
 * Each `chaos/*.chaos.mjs` exports `run({seed, small})`, which returns proofs
 * `{name, count, fired, failures: string[], skipped: string[]}`: how many cases ran, in how many the fault really fired,
 * what broke, and what was left out and why. Each file runs in a process of its own. A proof in which no fault fired
 * proves nothing and counts as failed. The last line is `N passed, N failed`, with `, N skipped` where something was.
 */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Failure, runMain } from "./bootstrap/failure.mjs";
import { prepare, takeFlag } from "./bootstrap/prepare.mjs";
import { root } from "./bootstrap/root.mjs";
import { run } from "./bootstrap/run.mjs";
import { heading, step } from "./bootstrap/steps.mjs";

const args = process.argv.slice(2).filter((argument) => argument !== "--");

await runMain(() => (args[0] === "--one" ? runOne(args[1], args[2], JSON.parse(args[3])) : runAll()));

/** In a child process: runs one file and leaves its proofs in another. */
async function runOne(file, output, options) {
  const proof = await import(pathToFileURL(file).href);
  writeFileSync(output, JSON.stringify(await proof.run(options)));
  return 0;
}

async function runAll() {
  const small = takeFlag(args, "--small");
  const seedAt = args.indexOf("--seed");
  const seed = seedAt === -1 ? Date.now() % 2 ** 31 : Number(args.splice(seedAt, 2)[1]);
  if (!Number.isInteger(seed))
    throw new Failure("--seed takes a whole number", "Leave it out for a new one.", { exitCode: 2 });
  const files = readdirSync(join(root, "chaos"))
    .filter((name) => name.endsWith(".chaos.mjs"))
    .filter((name) => args.length === 0 || args.some((word) => name.includes(word)));
  if (files.length === 0) throw new Failure("no proof has such a name", "See chaos/*.chaos.mjs.", { exitCode: 2 });
  const { rig, unavailable } = await prepare({ mayInstall: true });
  const engine =
    rig === undefined
      ? { CONTAINER_KIT_TEST_SKIP_ENGINE: unavailable.message }
      : { ...rig.environment, CONTAINER_KIT_TEST_RIG: rig.rigFile };
  heading(`Chaos (${small ? "a small part" : "full count"}, seed ${seed})`);
  const proofs = [];
  for (const file of files) proofs.push(...(await prove(file, { seed, small }, { ...process.env, ...engine })));
  for (const { name, failures, skipped } of proofs) {
    for (const failure of failures.slice(0, 20)) process.stdout.write(`✗ ${name}: ${failure}\n`);
    for (const reason of skipped) process.stdout.write(`- ${name}: skipped ${reason}\n`);
  }
  const sum = (pick) => proofs.reduce((total, proof) => total + pick(proof), 0);
  const failed = sum(({ failures }) => failures.length);
  const skipped = sum((proof) => proof.skipped.length);
  const passed = sum(({ count }) => count) - failed;
  process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  return failed > 0 ? 1 : 0;
}

async function prove(file, options, env) {
  const folder = mkdtempSync(join(tmpdir(), "container-kit-chaos-"));
  try {
    return await step(file, async () => {
      const output = join(folder, "proofs.json");
      const own = [fileURLToPath(import.meta.url), "--one", join(root, "chaos", file), output, JSON.stringify(options)];
      const result = await run(process.execPath, own, { env });
      if (result.code !== 0) throw new Error(result.output);
      const proofs = JSON.parse(readFileSync(output, "utf8")).map(withoutEffect);
      return [proofs.map(({ name, count, fired }) => `${name}: ${count} cases, fired ${fired}`).join("; "), proofs];
    });
  } catch (error) {
    return [{ name: file, count: 1, fired: 0, failures: [`crashed: ${error.message}`], skipped: [] }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function withoutEffect(proof) {
  if (proof.fired > 0 || proof.count === 0) return proof;
  return { ...proof, failures: [...proof.failures, "no fault fired, so nothing was proved"] };
}
