/** What of a module's build runs or is served: by its framework's rule, else by the general one. */
import type { StartPlan } from "../types.ts";
import { compilerOutput } from "./build.ts";
import { hasProgram, nothing, site, viteOutput } from "./delivery-parts.ts";
import type { Delivery, DeliveryInput } from "./delivery-parts.ts";
import { frameworkRules } from "./framework-delivery.ts";
import { dependsOn } from "./manifest.ts";
import { joinPath } from "./path.ts";
import type { SourceTree } from "./source-tree.ts";

/** Applies the framework's rule, then the general one. */
export async function describeDelivery(input: DeliveryInput): Promise<Delivery> {
  const rule = input.framework === null ? undefined : frameworkRules[input.framework];
  return (await rule?.(input)) ?? (await generalRule(input));
}

/** No framework decides: a program with whatever its build writes, or the folder that a script hands out. */
async function generalRule(input: DeliveryInput): Promise<Delivery> {
  const { tree, folder, manifest, start, build } = input;
  if (start.kind === "site") return site(start.folder, start.history);
  const bundler = ["parcel", "webpack", "@rspack/core", "esbuild", "rollup"].some((name) => dependsOn(manifest, name));
  if (build !== null && bundler && !hasProgram(input) && hasPage(tree, folder)) return site("dist", true);
  if (start.kind === "program")
    return { ...nothing, start: start.plan, outputs: await programOutputs(input, start.plan) };
  if (build === null && tree.hasFile(joinPath(folder, "public/index.html")))
    return { ...site("public", false), outputs: [] };
  return nothing;
}

function hasPage(tree: SourceTree, folder: string): boolean {
  return ["index.html", "public/index.html", "src/index.html"].some((file) => tree.hasFile(joinPath(folder, file)));
}

async function programOutputs(input: DeliveryInput, plan: StartPlan): Promise<string[]> {
  if (input.build === null) return [];
  const outputs = new Set<string>();
  const compiled = await compilerOutput(input.tree, input.folder);
  if (compiled !== null) outputs.add(compiled);
  const top = plan.entrypoint?.includes("/") === true ? plan.entrypoint.split("/")[0] : undefined;
  const inside = joinPath(input.folder, top ?? ".");
  const isSource = input.tree.filesIn(inside).length + input.tree.foldersIn(inside).length > 0;
  if (top !== undefined && !isSource && ![...outputs].some((output) => output === top || output.startsWith(`${top}/`)))
    outputs.add(top);
  if (dependsOn(input.manifest, "vite")) outputs.add(await viteOutput(input));
  return [...outputs];
}
