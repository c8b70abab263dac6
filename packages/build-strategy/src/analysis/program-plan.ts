import { dependsOn, shipsWith } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { joinPath } from "./path.ts";
import { packageOfProgram } from "./programs.ts";
import type { StartFinding, StartInput } from "./start-finding.ts";

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

/** The start plan of a program and its arguments. */
export function programPlan(input: StartInput, argv: readonly string[], source: string): StartFinding {
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

/** Whether a program comes from devDependencies alone. */
export function comesFromDev(manifest: Manifest, program: string): boolean {
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
export function resolveEntry({ tree, folder, manifest }: StartInput, text: string): string {
  const path = joinPath(text);
  if (path === "." && manifest.main !== null) return joinPath(manifest.main);
  const base = path === "." ? "index" : path;
  const candidates = [base, `${base}.js`, `${base}.mjs`, `${base}.cjs`, joinPath(path, "index.js")];
  return (
    candidates.find((candidate) => tree.hasFile(joinPath(folder, candidate))) ?? (path === "." ? "index.js" : path)
  );
}
