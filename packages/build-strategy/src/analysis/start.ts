/** Where a start command is looked for, in order. */
import { joinPath } from "./path.ts";
import { programPlan, resolveEntry } from "./program-plan.ts";
import { interpretLine, interpretScript } from "./start-command.ts";
import { none } from "./start-finding.ts";
import type { StartFinding, StartInput } from "./start-finding.ts";

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
