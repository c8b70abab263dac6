/** The engine and the registry, through the built testkit. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { root } from "./root.mjs";
import { run } from "./run.mjs";

const cli = join(root, "packages", "testkit", "dist", "rig-cli.js");

/** Whether the testkit has been built. */
export function rigCliIsBuilt() {
  return existsSync(cli);
}

/**
 * Brings the rig up, with `forTests` what only tests need as well. Returns `{rig}`, or
 * `{unavailable: {message, remedy}}` where nothing went wrong but no engine can be had; any other trouble is a
 * {@link Failure}. The steps are shown by the program itself.
 */
export async function rigUp({ mayInstall, forTests = false }) {
  const flags = [...(mayInstall ? [] : ["--no-install"]), ...(forTests ? ["--for-tests"] : [])];
  const { code, output } = await rigCli(["up", "--json", ...flags]);
  if (code === 0) return { rig: JSON.parse(output) };
  if (code === 130) throw new Failure("interrupted", "Run the same command again to go on.", { exitCode: 130 });
  const { error } = output === "" ? {} : JSON.parse(output);
  if (error?.unavailable === true) return { unavailable: error };
  throw new Failure(error?.message ?? "the engine could not be set up", error?.remedy ?? "See what is printed above.");
}

/** Stops and removes what `rigUp` started, made and installed. */
export async function rigDown() {
  const { code } = await rigCli(["down"]);
  if (code !== 0) throw new Failure("not everything could be undone", "See above; the record is kept: run it again.");
}

function rigCli(args) {
  return run(process.execPath, [cli, ...args], { output: "stdout" });
}
