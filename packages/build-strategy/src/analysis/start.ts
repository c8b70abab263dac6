/**
 * Finds what to run as process 1.
 *
 * - S1  A package manager never becomes process 1 where the program behind its script is known: it would keep signals to itself.
 * - S2  Nothing is dropped silently: what a start script does before its program is kept in a shell line, unless the
 *       build stage does it.
 * - S3  A development server is no start command, whatever the script is called.
 */
import type { AnalysisWarning, NodePackageManager, StartPlan } from "../types.ts";
import { dependsOn, shipsWith } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { joinPath, nameOf } from "./path.ts";
import { isBuildStep, isDevelopmentServer, packageOfProgram, servedFolder } from "./programs.ts";
import { parseScript } from "./script-text.ts";
import type { ScriptCommand } from "./script-text.ts";
import type { SourceTree } from "./source-tree.ts";

/** What a start command turned out to be. */
export type StartFinding =
  | {
      readonly kind: "program";
      readonly plan: StartPlan;
      /** Build steps that its script ran first. */
      readonly builds: readonly (readonly string[])[];
      /** The author wrote the command, rather than a file having a usual name. */
      readonly explicit: boolean;
    }
  | { readonly kind: "development-server"; readonly program: string }
  | { readonly kind: "site"; readonly folder: string; readonly history: boolean }
  | { readonly kind: "none" };

export interface StartInput {
  readonly tree: SourceTree;
  readonly folder: string;
  readonly manifest: Manifest;
  readonly manager: NodePackageManager;
  readonly hasBuild: boolean;
  readonly warnings: AnalysisWarning[];
}

const none: StartFinding = { kind: "none" };
const productionScripts = ["start:prod", "start:production", "start-prod", "production", "serve:prod"];

/** The start command: a Procfile's web line, scripts.start, a script for production, the manifest's main, a usual file. */
export async function findStart(input: StartInput): Promise<StartFinding> {
  const { manifest } = input;
  const procfile = await readProcfile(input);
  if (procfile !== null) return interpretLine(input, procfile, "the web line of Procfile");
  const start = interpretScript(input, "start");
  if (start.kind === "program") return start;
  const serverSide = Object.keys(manifest.scripts).find((name) => name.startsWith("serve:ssr"));
  for (const name of [...productionScripts, ...(serverSide === undefined ? [] : [serverSide])]) {
    const other = interpretScript(input, name);
    if (other.kind === "program") return other;
  }
  return start.kind === "none" ? findEntryFile(input) : start;
}

async function readProcfile({ tree, folder }: StartInput): Promise<string | null> {
  const file = joinPath(folder, "Procfile");
  const text = tree.hasFile(file) ? await tree.read(file) : null;
  const line = text?.split(/\r?\n/).find((candidate) => /^web\s*:/.test(candidate));
  return line === undefined ? null : line.slice(line.indexOf(":") + 1).trim();
}

function interpretScript(input: StartInput, name: string, depth = 0): StartFinding {
  const line = input.manifest.scripts[name];
  return line === undefined ? none : interpretLine(input, line, `scripts.${name} of ${input.manifest.file}`, depth);
}

function interpretLine(input: StartInput, line: string, source: string, depth = 0): StartFinding {
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

/** The script that a package manager is asked to run, or null. */
function scriptOf(manifest: Manifest, program: string, args: readonly string[]): string | null {
  if (!isManager(program) || isDelegation(args)) return null;
  const [verb, next] = args.filter((arg) => !arg.startsWith("-"));
  const name = verb === "run" || verb === "run-script" ? next : verb;
  if (name === undefined || !Object.hasOwn(manifest.scripts, name)) return null;
  return program === "npm" && verb === name && name !== "start" ? null : name;
}

function isManager(program: string): boolean {
  return ["npm", "yarn", "pnpm", "bun"].includes(program);
}

/** `pnpm --filter api start`, `npm start --workspace=api`: another module's program, not this one's. */
function isDelegation(args: readonly string[]): boolean {
  const [first = ""] = args;
  return (
    /^workspaces?$/.test(first) ||
    args.some((arg) => /^(-w|-F|-C|-r|--recursive|--workspaces?|--filter|--prefix|--cwd)(=|$)/.test(arg))
  );
}

/** The program that a package manager is asked to run beside its scripts; nothing when it is asked for something else. */
function behindManager(program: string, args: readonly string[]): readonly string[] {
  const [verb = "", ...rest] = args;
  if (isDelegation(args)) return [];
  if (verb === "exec" || verb === "dlx") return afterWrapper(rest);
  // npm runs scripts only; yarn and pnpm also run programs of the dependencies.
  if (program === "npm" || verb.startsWith("-")) return [];
  return verb === "run" ? rest : args;
}

/** What a wrapper wraps: everything after its own options. */
function afterWrapper(args: readonly string[]): readonly string[] {
  const dashes = args.indexOf("--");
  if (dashes !== -1) return args.slice(dashes + 1);
  const from = args.findIndex((arg) => !arg.startsWith("-"));
  return from === -1 ? [] : args.slice(from);
}

/** Supervisors that restart or watch: the engine restarts a container, and nothing in an image changes. */
function unwrapRunner(program: string, args: readonly string[]): string[] | null {
  const [verb, ...rest] = args;
  if (program === "nodemon" || program === "node-dev" || program === "supervisor") {
    const file = firstPlain(args);
    return file === undefined || args.some((arg) => /^(-x|--exec|-w|--watch|-e|--ext)$/.test(arg))
      ? null
      : ["node", file];
  }
  if (program === "pm2" || program === "forever") {
    const file = verb === "start" ? firstPlain(rest) : firstPlain(args);
    return file !== undefined && /\.[cm]?js$/.test(file) && !file.includes("ecosystem") ? ["node", file] : null;
  }
  return null;
}

function firstPlain(args: readonly string[]): string | undefined {
  return args.find((arg) => !arg.startsWith("-"));
}

const flagsWithValue = new Set([
  "-r",
  "--require",
  "--import",
  "--loader",
  "--experimental-loader",
  "-C",
  "--conditions",
  "-P",
  "--project",
]);
const droppedFlags = /^--(watch|hot|inspect|env-file)/;

function programPlan(input: StartInput, argv: readonly string[], source: string): StartFinding {
  const [program = "", ...given] = argv;
  const isRunner = ["node", "bun", "tsx", "ts-node", "ts-node-esm"].includes(program);
  const dropped = isRunner ? given.filter((arg) => droppedFlags.test(arg)) : [];
  if (dropped.length > 0) {
    const message = `${dropped.join(" ")} is left out of the start command: an image has no debugger, nothing changes in it, and .env files stay outside.`;
    input.warnings.push({ code: "START_CHANGED", message, file: input.manifest.file });
  }
  const kept = given.filter(
    (arg, index) => !dropped.includes(arg) && !(isRunner && index === 0 && ["watch", "run"].includes(arg)),
  );
  const file = isRunner
    ? kept.find((arg, index) => !arg.startsWith("-") && !flagsWithValue.has(kept[index - 1] ?? ""))
    : undefined;
  const entrypoint = file === undefined ? scriptFile(program) : resolveEntry(input, file);
  const needsDevDependencies = comesFromDev(input.manifest, program) || requiresDev(input.manifest, kept);
  const plan = { argv: [program, ...kept], env: {}, entrypoint, source, shell: false, needsDevDependencies };
  return { kind: "program", plan, builds: [], explicit: true };
}

function scriptFile(program: string): string | null {
  return program.startsWith("./") ? joinPath(program) : null;
}

function comesFromDev(manifest: Manifest, program: string): boolean {
  const name = packageOfProgram(program);
  return dependsOn(manifest, name) && !shipsWith(manifest, name);
}

/** `node -r dotenv/config`, `node --import tsx`: the module that is preloaded may be a devDependency. */
function requiresDev(manifest: Manifest, args: readonly string[]): boolean {
  const preloaded = args.filter((_, index) => flagsWithValue.has(args[index - 1] ?? ""));
  return preloaded.some((name) => {
    const parts = name.split("/");
    return comesFromDev(manifest, name.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? ""));
  });
}

/** The file that `node <text>` runs, as far as it is there; a build may still write it. */
function resolveEntry({ tree, folder, manifest }: StartInput, text: string): string {
  const path = joinPath(text);
  if (path === "." && manifest.main !== null) return joinPath(manifest.main);
  const base = path === "." ? "index" : path;
  const candidates = [base, `${base}.js`, `${base}.mjs`, `${base}.cjs`, joinPath(path, "index.js")];
  return (
    candidates.find((candidate) => tree.hasFile(joinPath(folder, candidate))) ?? (path === "." ? "index.js" : path)
  );
}

const usualNames = ["index", "server", "app", "main", "src/index", "src/server", "src/app", "src/main", "bin/www"];

async function findEntryFile(input: StartInput): Promise<StartFinding> {
  const { tree, folder, manifest, manager } = input;
  const program = manager === "bun" ? "bun" : "node";
  const from = (file: string, source: string): StartFinding => {
    const finding = programPlan(input, [program, file], source);
    return finding.kind === "program" ? { ...finding, explicit: false } : finding;
  };
  for (const field of manager === "bun" ? (["module", "main"] as const) : (["main"] as const)) {
    const said = manifest[field];
    if (said === null || joinPath(said).startsWith("..")) continue;
    const file = resolveEntry(input, said);
    const runs = manager === "bun" || /\.[cm]?js$/.test(file);
    const source = `${field} of ${manifest.file}`;
    const isBuilt = input.hasBuild && file.includes("/");
    if (runs && (isBuilt || (await tree.exists(joinPath(folder, file))))) return from(file, source);
    input.warnings.push({
      code: "START_FILE_MISSING",
      message: `${source} names ${said}, which cannot be run.`,
      file: manifest.file,
    });
  }
  const extensions = manager === "bun" ? [".ts", ".js", ".mjs", ".cjs", ""] : [".js", ".mjs", ".cjs", ""];
  for (const name of usualNames) {
    const found = extensions.map((extension) => name + extension).find((file) => tree.hasFile(joinPath(folder, file)));
    if (found !== undefined) return from(found, `the file ${joinPath(folder, found)}`);
  }
  return none;
}
