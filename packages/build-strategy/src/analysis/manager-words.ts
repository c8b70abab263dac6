/** What is asked of a package manager, a wrapper or a supervisor on a command line. */
import type { Manifest } from "./manifest.ts";

/** The script that a package manager is asked to run, or null. */
export function scriptOf(manifest: Manifest, program: string, args: readonly string[]): string | null {
  if (!isManager(program) || isDelegation(args)) return null;
  const [verb, next] = args.filter((arg) => !arg.startsWith("-"));
  const name = verb === "run" || verb === "run-script" ? next : verb;
  if (name === undefined || !Object.hasOwn(manifest.scripts, name)) return null;
  return program === "npm" && verb === name && name !== "start" ? null : name;
}

/** Whether a program is a package manager of Node. */
export function isManager(program: string): boolean {
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
export function behindManager(program: string, args: readonly string[]): readonly string[] {
  const [verb = "", ...rest] = args;
  if (isDelegation(args)) return [];
  if (verb === "exec" || verb === "dlx") return afterWrapper(rest);
  // npm runs scripts only; yarn and pnpm also run programs of the dependencies.
  if (program === "npm" || verb.startsWith("-")) return [];
  return verb === "run" ? rest : args;
}

/** What a wrapper wraps: everything after its own options. */
export function afterWrapper(args: readonly string[]): readonly string[] {
  const dashes = args.indexOf("--");
  if (dashes !== -1) return args.slice(dashes + 1);
  const from = args.findIndex((arg) => !arg.startsWith("-"));
  return from === -1 ? [] : args.slice(from);
}

/** Supervisors that restart or watch: the engine restarts a container, and nothing in an image changes. */
export function unwrapRunner(program: string, args: readonly string[]): string[] | null {
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
