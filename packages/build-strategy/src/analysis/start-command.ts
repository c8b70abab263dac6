/**
 * Turns the line of a start script into what runs as process 1.
 *
 * - S1  A package manager never becomes process 1 where the program behind its script is known: it would keep signals to itself.
 * - S2  Nothing is dropped silently: what a start script does before its program is kept in a shell line, unless the
 *       build stage does it.
 * - S3  A development server is no start command, whatever the script is called.
 */
import { afterWrapper, behindManager, isManager, scriptOf, unwrapRunner } from "./manager-words.ts";
import { joinPath, nameOf } from "./path.ts";
import { comesFromDev, programPlan } from "./program-plan.ts";
import { isBuildStep, isDevelopmentServer, packageOfProgram, servedFolder } from "./programs.ts";
import { parseScript } from "./script-text.ts";
import type { ScriptCommand } from "./script-text.ts";
import { none } from "./start-finding.ts";
import type { StartFinding, StartInput } from "./start-finding.ts";

/** What a script of the manifest starts. */
export function interpretScript(input: StartInput, name: string, depth = 0): StartFinding {
  const line = input.manifest.scripts[name];
  return line === undefined ? none : interpretLine(input, line, `scripts.${name} of ${input.manifest.file}`, depth);
}

/** What a command line starts. */
export function interpretLine(input: StartInput, line: string, source: string, depth = 0): StartFinding {
  const commands = parseScript(line.trim());
  if (commands === null) return shellLine(input, line.trim(), source);
  const builds = commands.slice(0, -1).filter((command) => isBuildStep(command.argv));
  const before = commands.slice(0, -1).filter((command) => !isBuildStep(command.argv));
  const last = commands.at(-1);
  if (last === undefined) return none;
  const finding = interpretCommand(input, last, source, depth);
  if (finding.kind !== "program") return finding;
  const steps = builds.map((command) => command.argv);
  if (before.length === 0) return { ...finding, builds: [...steps, ...finding.builds] };
  // (S2)
  const texts = before.map(quoteCommand);
  const inner = finding.plan.shell
    ? (finding.plan.argv[2] ?? "")
    : `exec ${quoteCommand({ env: {}, argv: finding.plan.argv })}`;
  const argv = ["sh", "-c", [...texts, inner].join(" && ")];
  const extraDev = before.some((command) => comesFromDev(input.manifest, command.argv[0] ?? ""));
  const needsDevDependencies = finding.plan.needsDevDependencies || extraDev;
  return {
    ...finding,
    builds: [...steps, ...finding.builds],
    plan: { ...finding.plan, argv, shell: true, needsDevDependencies },
  };
}

/** A line that only a shell understands: it is kept whole. */
function shellLine(input: StartInput, line: string, source: string): StartFinding {
  if (line === "" || line.includes("\0")) return none;
  const first = /^[\w@./-]+/.exec(line)?.[0] ?? "";
  const needsDevDependencies = Object.keys(input.manifest.devDependencies).some((name) =>
    line.split(/[\s&|;()"']+/).some((word) => packageOfProgram(word) === name),
  );
  if (isDevelopmentServer(first, line.split(/\s+/).slice(1))) return { kind: "development-server", program: first };
  const plan = { argv: ["sh", "-c", line], env: {}, entrypoint: null, source, shell: true, needsDevDependencies };
  return { kind: "program", plan, builds: [], explicit: true };
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function quoteCommand({ env, argv }: ScriptCommand): string {
  return [...Object.entries(env).map(([name, value]) => `${name}=${quote(value)}`), ...argv.map(quote)].join(" ");
}

function interpretCommand(input: StartInput, command: ScriptCommand, source: string, depth: number): StartFinding {
  const [first = "", ...args] = command.argv;
  const program = first.includes("node_modules/.bin/") ? nameOf(first) : first;
  const withEnv = (finding: StartFinding): StartFinding =>
    finding.kind === "program"
      ? { ...finding, plan: { ...finding.plan, env: { ...command.env, ...finding.plan.env } } }
      : finding;
  const again = (argv: readonly string[]): StartFinding =>
    depth > 8 || argv.length === 0 ? none : withEnv(interpretCommand(input, { env: {}, argv }, source, depth + 1));

  const script = scriptOf(input.manifest, program, args);
  if (script !== null) return depth > 8 ? none : withEnv(interpretScript(input, script, depth + 1));
  if (["npx", "bunx", "dotenv", "dotenvx", "heroku-exec", "op"].includes(program)) return again(afterWrapper(args));
  if (isManager(program) && program !== "bun") return again(behindManager(program, args));
  if (isDevelopmentServer(program, args)) return { kind: "development-server", program };
  const site = servedFolder(program, args);
  if (site !== null)
    return { kind: "site", folder: joinPath(site), history: args.includes("-s") || args.includes("--single") };
  const runner = unwrapRunner(program, args);
  if (runner !== null) {
    input.warnings.push({
      code: "START_CHANGED",
      message: `${program} is for a machine that lives on; the container runs ${runner.join(" ")} itself.`,
      file: input.manifest.file,
    });
    return again(runner);
  }
  return withEnv(programPlan(input, [program, ...args], source));
}
