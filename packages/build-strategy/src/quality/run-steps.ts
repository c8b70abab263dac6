import type { Instruction } from "./model.ts";
import { execWords } from "./model.ts";

/** What a RUN instruction does, read word by word. */
export interface RunStep {
  readonly words: readonly string[];
  readonly instruction: Instruction;
}

/** The commands of RUN instructions, split at `&&`, `||`, `;`, `|` and line ends. */
export function runSteps(instructions: readonly Instruction[]): RunStep[] {
  return instructions
    .filter((one) => one.keyword === "RUN")
    .flatMap((instruction) => {
      const exec = execWords(instruction.text);
      if (exec !== null) return [{ words: exec, instruction }];
      return instruction.text.split(/&&|\|\||[;|\n]/).map((part) => ({
        words: part
          .trim()
          .split(/\s+/)
          .filter((word) => word !== ""),
        instruction,
      }));
    });
}

type InstallKind = "system" | "language";

export interface Install {
  readonly kind: InstallKind;
  readonly tool: string;
  /** Whether it takes exactly what a lockfile says; null when the tool has none. */
  readonly frozen: boolean | null;
  readonly packages: readonly string[];
  readonly instruction: Instruction;
}

/** The installs of packages among the steps. */
export function findInstalls(steps: readonly RunStep[]): Install[] {
  return steps.flatMap(({ words, instruction }) => {
    const found = readInstall(withoutPrefix(words));
    return found === null ? [] : [{ ...found, instruction }];
  });
}

/** Past `VAR=x`, `sudo`, `npx --yes`, `corepack`, `python -m` and shell words, to the tool itself. */
function withoutPrefix(words: readonly string[]): string[] {
  let from = 0;
  while (from < words.length) {
    const word = words[from] ?? "";
    const next = words[from + 1] ?? "";
    if (
      /^\w+=/.test(word) ||
      ["sudo", "npx", "corepack", "exec", "then", "do", "(", "{", "set", "-e"].includes(word) ||
      (from > 0 && /^(--yes|-y|-[eux]+|-E)$/.test(word))
    )
      from++;
    else if (/^python[\d.]*$/.test(word) && next === "-m") from += 2;
    else break;
  }
  return words.slice(from);
}

const has = (words: readonly string[], ...flags: readonly string[]): boolean =>
  words.some((word) => flags.includes(word.split("=")[0] ?? ""));

type Reader = (args: readonly string[], verb: string) => Omit<Install, "instruction" | "tool"> | null;

const language = (frozen: boolean | null, args: readonly string[]): Omit<Install, "instruction" | "tool"> => ({
  kind: "language",
  frozen,
  packages: args.filter((arg) => !arg.startsWith("-")),
});
const system = (args: readonly string[]): Omit<Install, "instruction" | "tool"> => ({
  kind: "system",
  frozen: null,
  packages: args.filter((arg) => !arg.startsWith("-")),
});
/** A frozen install is the tool's own word, or a flag of it. */
const flagged =
  (verbs: readonly string[], ...flags: readonly string[]): Reader =>
  (args, verb) =>
    verbs.includes(verb) ? language(has(args, ...flags), args) : null;

const systemReader =
  (...verbs: readonly string[]): Reader =>
  (args, verb) =>
    verbs.includes(verb) ? system(args) : null;

const readers: Readonly<Record<string, Reader>> = {
  npm: (args, verb) => {
    if (["ci", "clean-install"].includes(verb)) return language(true, args);
    return ["install", "i", "add"].includes(verb) ? language(false, args) : null;
  },
  yarn: (args, verb) =>
    ["", "install"].includes(verb) || verb.startsWith("-")
      ? language(has([verb, ...args], "--frozen-lockfile", "--immutable"), args)
      : workspaceFocus(args, verb),
  pnpm: flagged(["install", "i"], "--frozen-lockfile"),
  bun: flagged(["install", "i"], "--frozen-lockfile"),
  pip: (args, verb) => (verb === "install" ? language(has(args, "--require-hashes") ? true : null, args) : null),
  uv: flagged(["sync"], "--frozen", "--locked"),
  poetry: (args, verb) => (verb === "install" ? language(true, args) : null),
  pipenv: (args, verb) =>
    ["install", "sync"].includes(verb) ? language(verb === "sync" || has(args, "--deploy"), args) : null,
  bundle: (args, verb) => (verb === "install" ? language(null, args) : null),
  composer: (args, verb) => (verb === "install" ? language(true, args) : null),
  cargo: (args, verb) =>
    ["build", "install", "fetch"].includes(verb) ? language(has(args, "--locked", "--frozen"), args) : null,
  go: (args, verb) =>
    ["build", "mod", "install"].includes(verb) && (verb !== "mod" || args[0] === "download")
      ? language(true, args)
      : null,
  dotnet: (args, verb) => (verb === "restore" ? language(has(args, "--locked-mode") ? true : null, args) : null),
  mvn: (args) => language(null, args),
  gradle: (args) => language(null, args),
  mix: (args, verb) => (verb === "deps.get" ? language(null, args) : null),
  "apt-get": systemReader("install"),
  apt: systemReader("install"),
  apk: systemReader("add"),
  yum: systemReader("install"),
  dnf: systemReader("install"),
  microdnf: systemReader("install"),
};

function workspaceFocus(args: readonly string[], verb: string): Omit<Install, "instruction" | "tool"> | null {
  return verb === "workspaces" && args[0] === "focus" ? language(true, args) : null;
}

function readInstall(words: readonly string[]): Omit<Install, "instruction"> | null {
  const [program = "", ...all] = words;
  const tool = toolOf(program, all[0]);
  const rest = program === "node" ? all.slice(1) : all;
  const reader = Object.hasOwn(readers, tool) ? readers[tool] : undefined;
  if (reader === undefined) return null;
  // Options before the verb, as in `apt-get -y install`; `yarn` alone is an install.
  const at = tool === "yarn" ? 0 : rest.findIndex((word) => !word.startsWith("-"));
  const verb = rest[at] ?? "";
  const found = reader([...rest.slice(0, Math.max(at, 0)), ...rest.slice(at + 1)], verb);
  return found === null ? null : { ...found, tool };
}

const otherNames = new Map([
  ["pip3", "pip"],
  ["mvnw", "mvn"],
  ["gradlew", "gradle"],
]);

/** `pnpm@9`, `@yarnpkg/cli-dist@4` and `node .yarn/releases/yarn-4.js` are what they run. */
function toolOf(program: string, first: string | undefined): string {
  if (program === "node" && first !== undefined && /yarn-[\d.]+\.c?js$/.test(first)) return "yarn";
  const name = program.slice(0, Math.max(program.indexOf("@", 1), 0)) || program;
  if (name === "@yarnpkg/cli-dist") return "yarn";
  const last = name.startsWith("@") ? name : name.slice(name.lastIndexOf("/") + 1);
  return otherNames.get(last) ?? last;
}
