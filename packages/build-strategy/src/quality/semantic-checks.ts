/** Checks that need more than the Dockerfile's text: the tree that it copies from. */
import { compileGlob, isPattern } from "../analysis/glob.ts";
import { isWithin, joinPath, relativeTo } from "../analysis/path.ts";
import type { SourceTree } from "../analysis/source-tree.ts";
import { copyPaths } from "./build-checks.ts";
import type { CheckResult } from "./check.ts";
import type { IgnoreRules } from "./ignore-rules.ts";
import { baseImageOf, chainOf, lastOf } from "./model.ts";
import type { DockerfileModel } from "./model.ts";
import { findInstalls, runSteps } from "./run-steps.ts";

/** The paths that a Dockerfile copies out of its context, relative to it; what only a build knows is left out. */
export function copiedPaths(model: DockerfileModel): string[] {
  const paths = model.instructions
    .filter((one) => (one.keyword === "COPY" || one.keyword === "ADD") && !one.flags.has("from"))
    .flatMap((one) => copyPaths(one).slice(0, -1))
    .filter((path) => !/[$]|^<<|^[a-z]+:\/\/|^git@/i.test(path))
    .map((path) => joinPath(path));
  return [...new Set(paths)].slice(0, 500);
}

/** Whether every path that is copied is in the context and not ignored. */
export async function checkCopySources(
  model: DockerfileModel,
  tree: SourceTree,
  context: string,
  rules: IgnoreRules,
): Promise<CheckResult> {
  const id = "copy-sources";
  const paths = copiedPaths(model);
  for (const path of paths) {
    const fault = await faultOf({ path, tree, context, rules });
    if (fault !== null) return { id, ok: false, message: `COPY ${path}: ${fault}` };
  }
  return { id, ok: true, message: `all ${paths.length} paths that are copied are in the build context` };
}

interface Source {
  readonly path: string;
  readonly tree: SourceTree;
  readonly context: string;
  readonly rules: IgnoreRules;
}

async function faultOf({ path, tree, context, rules }: Source): Promise<string | null> {
  if (path === ".") return null;
  if (path.startsWith("..")) return "lies outside the build context";
  const where = context === "." ? "the repository" : context;
  if (!isPattern(path)) {
    if (!(await tree.exists(joinPath(context, path)))) return `there is no such file or folder in ${where}`;
    return rules.ignores(path) ? "is left out by .dockerignore" : null;
  }
  const glob = compileGlob(path);
  const matches = tree.files.filter((file) => isWithin(context, file) && glob.matches(relativeTo(context, file)));
  if (matches.length === 0) return (await isNotEntered(path, tree, context)) ? null : `no file in ${where} matches`;
  return matches.every((file) => rules.ignores(relativeTo(context, file)))
    ? "all that match are left out by .dockerignore"
    : null;
}

/** Build output is not listed: a pattern in a folder of it that exists is believed. */
async function isNotEntered(path: string, tree: SourceTree, context: string): Promise<boolean> {
  const segments = path.split("/");
  const plain = segments.slice(
    0,
    segments.findIndex((segment) => isPattern(segment)),
  );
  const folder = joinPath(context, ...plain);
  return plain.length > 0 && tree.filesIn(folder).length === 0 && (await tree.exists(folder));
}

/** Whether the program that HEALTHCHECK runs is in the final image; nothing when there is none to check. */
export function checkHealthTool(model: DockerfileModel): CheckResult[] {
  const last = model.stages.at(-1);
  if (last === undefined) return [];
  const own = chainOf(last).flatMap((stage) => stage.instructions);
  const check = lastOf(own, "HEALTHCHECK");
  const tool = /\b(curl|wget)\b/.exec(check?.text ?? "")?.[1];
  if (check === undefined || tool === undefined) return [];
  const base = baseImageOf(last);
  const installed = findInstalls(runSteps(own)).some((one) => one.packages.includes(tool));
  const brought = tool === "wget" ? /alpine|busybox/.test(base) : false;
  const lacks = /slim|alpine|distroless|busybox|scratch/.test(base) && !installed && !brought;
  const message = lacks
    ? `HEALTHCHECK runs ${tool}, which ${base} does not have; use the runtime itself`
    : `${tool} is in the final image`;
  return [{ id: "healthcheck-tool", ok: !lacks, message }];
}
