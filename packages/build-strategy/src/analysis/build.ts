import JSON5 from "json5";
import type { AnalysisWarning, BuildPlan } from "../types.ts";
import { dependsOn } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { joinPath } from "./path.ts";
import type { SourceTree } from "./source-tree.ts";

const buildScripts = ["build", "build:prod", "build:production", "compile"];

/** Builders that are run directly when no script names them. */
const directBuilds: Readonly<Record<string, readonly string[]>> = {
  next: ["next", "build"],
  nuxt: ["nuxt", "build"],
  astro: ["astro", "build"],
  angular: ["ng", "build"],
  vite: ["vite", "build"],
  sveltekit: ["vite", "build"],
  "create-react-app": ["react-scripts", "build"],
  gatsby: ["gatsby", "build"],
  "react-router": ["react-router", "build"],
  expo: ["expo", "export", "--platform", "web"],
};

/** How the module is built, without its outputs; null when there is nothing to build. */
export function findBuild(
  manifest: Manifest,
  framework: string | null,
  warnings: AnalysisWarning[],
): Pick<BuildPlan, "script" | "argv"> | null {
  for (const script of buildScripts) {
    const line = manifest.scripts[script];
    if (line === undefined) continue;
    if (/^\s*(docker|podman|docker-compose)\b/.test(line)) {
      const message = `scripts.${script} builds an image itself and is not run inside the build.`;
      warnings.push({ code: "BUILD_COMMAND_SKIPPED", message, file: manifest.file });
      continue;
    }
    return { script, argv: [] };
  }
  const argv = framework === null ? undefined : directBuilds[framework];
  return argv === undefined ? null : { script: null, argv };
}

/** The compiler run by itself, where it is a dependency and the program that starts is its output. */
export function compilerBuild(manifest: Manifest, hasConfig: boolean): Pick<BuildPlan, "script" | "argv"> | null {
  return hasConfig && dependsOn(manifest, "typescript") ? { script: null, argv: ["tsc"] } : null;
}

/** What tsconfig.json says about where it writes, relative to the module; follows one `extends` inside the repository. */
export async function compilerOutput(tree: SourceTree, folder: string): Promise<string | null> {
  for (const name of ["tsconfig.build.json", "tsconfig.json"]) {
    const output = await outDirOf(tree, folder, joinPath(folder, name), 3);
    if (output !== null) return output;
  }
  return null;
}

async function outDirOf(tree: SourceTree, folder: string, file: string, left: number): Promise<string | null> {
  const text = tree.hasFile(file) ? await tree.read(file) : null;
  const config = text === null ? null : parseConfig(text);
  if (config === null || left === 0) return null;
  const options = config["compilerOptions"];
  const outDir = isObject(options) ? options["outDir"] : undefined;
  if (typeof outDir === "string") {
    const clean = joinPath(outDir.replace("${configDir}", "."));
    return clean === "." || clean.startsWith("..") || outDir.startsWith("/") ? null : clean;
  }
  const base = config["extends"];
  if (typeof base !== "string" || !base.startsWith("./")) return null;
  return outDirOf(tree, folder, joinPath(folder, base.endsWith(".json") ? base : `${base}.json`), left - 1);
}

function parseConfig(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON5.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

/** The folder that `angular.json` names for the browser's files, relative to the module. */
export async function angularOutput(
  tree: SourceTree,
  folder: string,
): Promise<{ root: string; browser: string } | null> {
  const text = await tree.read(joinPath(folder, "angular.json"));
  const projects = text === null ? undefined : parseConfig(text)?.["projects"];
  if (!isObject(projects)) return null;
  const [name, project] = Object.entries(projects)[0] ?? [];
  if (name === undefined || !isObject(project)) return null;
  const targets = isObject(project["architect"]) ? project["architect"] : project["targets"];
  const build = isObject(targets) && isObject(targets["build"]) ? targets["build"] : {};
  const output = isObject(build["options"]) ? build["options"]["outputPath"] : undefined;
  const root = joinPath(
    typeof output === "string"
      ? output
      : isObject(output) && typeof output["base"] === "string"
        ? output["base"]
        : `dist/${name}`,
  );
  // The application builder (Angular 17 and later) writes the browser's files one level deeper.
  const isApplication = typeof build["builder"] === "string" && build["builder"].endsWith(":application");
  return { root, browser: isApplication ? joinPath(root, "browser") : root };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
