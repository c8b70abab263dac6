/**
 * `rig-cli up|down|status [--for-tests] [--no-install] [--json]`: the rig from a command line.
 *
 * Steps go to stderr; stdout holds one JSON document with `--json` and nothing else. Exit status: 0 done, 1 failed,
 * 2 usage, 4 nothing went wrong but no engine can be had here, 130 interrupted.
 */
import { RigError } from "./rig-error.ts";
import { rigEnvironment } from "./load-rig.ts";
import { takeDown } from "./rig/down.ts";
import { rigPaths } from "./rig/paths.ts";
import { rigStatus } from "./rig/status.ts";
import { bringUp } from "./rig/up.ts";
import type { RigStep } from "./rig/up.ts";

const FLAGS = new Set(["--for-tests", "--no-install", "--json"]);
const USAGE = "usage: rig-cli up|down|status [--for-tests] [--no-install] [--json]\n";

interface Call {
  readonly command: string;
  readonly mayInstall: boolean;
  readonly forTests: boolean;
  readonly json: boolean;
}

async function main(args: readonly string[]): Promise<number> {
  const call = parse(args);
  if (call === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupt.abort());
  try {
    return await run(call, interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted) return 130;
    return report(error, call.json);
  }
}

async function run(call: Call, signal: AbortSignal): Promise<number> {
  const environment = process.env;
  if (call.command === "up") {
    const { mayInstall, forTests } = call;
    const rig = await bringUp({ environment, mayInstall, forTests, signal, onStart: announce, onStep: show });
    const rigFile = rigPaths(environment).rigFile;
    if (call.json) print({ ...rig, rigFile, environment: rigEnvironment(rig) });
    return 0;
  }
  if (call.command === "down") {
    const wasThere = await takeDown({ environment, signal, onStep: show });
    if (!wasThere) process.stderr.write("  nothing to undo: no set-up has run here\n");
    if (call.json) print({ undone: wasThere });
    return 0;
  }
  const status = await rigStatus(environment);
  if (call.json) print(status);
  else process.stderr.write(describeStatus(status));
  return status.engineAnswers && status.registryAnswers ? 0 : 4;
}

function parse(args: readonly string[]): Call | undefined {
  const [command = "", ...flags] = args;
  if (!["up", "down", "status"].includes(command)) return undefined;
  if (flags.some((flag) => !FLAGS.has(flag))) return undefined;
  return {
    command,
    mayInstall: !flags.includes("--no-install"),
    forTests: flags.includes("--for-tests"),
    json: flags.includes("--json"),
  };
}

function report(error: unknown, json: boolean): number {
  if (!(error instanceof RigError)) throw error;
  process.stderr.write(`  ✗ ${error.message}\n    ${error.remedy}\n`);
  if (json) print({ error: { message: error.message, remedy: error.remedy, unavailable: error.unavailable } });
  return error.unavailable ? 4 : 1;
}

function announce(message: string): void {
  process.stderr.write(`  … ${message}\n`);
}

function show(step: RigStep): void {
  process.stderr.write(`  ✓ ${step.name.padEnd(15)} ${step.detail} · ${(step.ms / 1000).toFixed(2)} s\n`);
}

function describeStatus({
  folder,
  rig,
  engineAnswers,
  registryAnswers,
}: Awaited<ReturnType<typeof rigStatus>>): string {
  if (rig === null) return `  no rig in ${folder}; run: npm run setup\n`;
  return [
    `  engine    ${rig.engine.host} ${answering(engineAnswers)}`,
    `  registry  ${rig.registry.host} ${answering(registryAnswers)}`,
    `  podman    ${"absent" in rig.podman ? `none: ${rig.podman.absent}` : rig.podman.host}`,
    `  stand-ins ${rig.standins.map((standin) => standin.image).join(", ") || "none"}`,
    `  installed ${rig.installed.join(" ") || "nothing"}`,
    "",
  ].join("\n");
}

function answering(answers: boolean): string {
  return answers ? "answers" : "does not answer; run: npm run setup";
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

process.exitCode = await main(process.argv.slice(2));
