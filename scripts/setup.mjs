#!/usr/bin/env node
/**
 * `npm run setup`: sets up everything that is missing; in seconds when nothing is.
 *
 * `-- --undo` stops and removes what it started, made and installed. `-- --no-install` forbids installing packages of
 * the system. It never asks anything.
 */
import { Failure, runMain } from "./bootstrap/failure.mjs";
import { prepare, prepareWorkspace, takeFlag } from "./bootstrap/prepare.mjs";
import { rigCliIsBuilt, rigDown } from "./bootstrap/rig.mjs";
import { elapsedMs, heading, seconds } from "./bootstrap/steps.mjs";

await runMain(async () => {
  const args = process.argv.slice(2);
  const undo = takeFlag(args, "--undo");
  const mayInstall = !takeFlag(args, "--no-install");
  if (args.length > 0) {
    throw new Failure(`unknown: ${args.join(" ")}`, "npm run setup [-- --undo | --no-install]", { exitCode: 2 });
  }
  if (undo) {
    if (!rigCliIsBuilt()) await prepareWorkspace();
    heading("Undo");
    await rigDown();
    return 0;
  }
  const { rig, unavailable } = await prepare({ mayInstall });
  if (unavailable !== undefined) throw new Failure(unavailable.message, unavailable.remedy, { exitCode: 4 });
  process.stderr.write(`Set up in ${seconds(elapsedMs())}. Next: npm start\n`);
  const exports = Object.entries(rig.environment).map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'`);
  process.stderr.write(`To use this engine and registry from a shell of your own:\n  export ${exports.join(" ")}\n`);
  return 0;
});
