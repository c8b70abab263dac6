import type { AnalysisWarning, NodePackageManager, StartPlan } from "../types.ts";
import type { Manifest } from "./manifest.ts";
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

/** Nothing starts the module. */
export const none: StartFinding = { kind: "none" };
