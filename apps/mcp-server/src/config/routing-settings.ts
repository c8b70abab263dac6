/** What the configuration files say about failures, put together. */
import type { ConfigFile } from "./config-file.ts";
import type { RoutingSettings } from "./config.ts";

/** One file with its path. */
export interface RoutingFile {
  readonly path: string;
  readonly routing: ConfigFile["routing"];
}

/** Merges files, the weightiest last: its switches count, and its rules replace those of the same name. */
export function mergeRouting(files: readonly RoutingFile[]): RoutingSettings {
  const said = files.flatMap(({ path, routing }) => (routing === undefined ? [] : [{ path, ...routing }]));
  return {
    autoFix: said.findLast(({ autoFix }) => autoFix !== undefined)?.autoFix ?? true,
    budget: said.findLast(({ budget }) => budget !== undefined)?.budget ?? null,
    sources: said.map(({ path: source, rules = [], disabled = [] }) => ({ source, rules, disabled })),
  };
}

/** Whether a file says more than that nothing is to be mended: what an untrusted one may not. */
export function widensRouting(routing: NonNullable<ConfigFile["routing"]>): boolean {
  const { autoFix, ...rest } = routing;
  return autoFix === true || Object.values(rest).some((value) => value !== undefined);
}
