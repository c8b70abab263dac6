/** What is read of one Node module before it is written down. */
import type { AnalysisWarning, BuildPlan, StartPlan } from "../types.ts";
import { compilerBuild, findBuild } from "./build.ts";
import { describeDelivery } from "./delivery.ts";
import type { Delivery } from "./delivery-parts.ts";
import { findFramework } from "./framework.ts";
import { describeInstall } from "./install-inputs.ts";
import type { InstallFacts } from "./install-inputs.ts";
import type { Manifest } from "./manifest.ts";
import { resolveNodeVersion } from "./node-version.ts";
import type { NodeVersion } from "./node-version.ts";
import { choosePackageManager } from "./package-manager.ts";
import type { PackageManagerChoice } from "./package-manager.ts";
import { joinPath, relativeTo } from "./path.ts";
import { readCode } from "./ports.ts";
import type { CodeReading } from "./ports.ts";
import { findLanguage, sourceFiles } from "./sources.ts";
import type { SourceTree } from "./source-tree.ts";
import { findStart } from "./start.ts";
import type { StartFinding } from "./start-finding.ts";

export interface ModuleInput {
  readonly tree: SourceTree;
  readonly folder: string;
  readonly manifest: Manifest;
  /** The workspace's root, or the module itself. */
  readonly install: {
    readonly folder: string;
    readonly manifest: Manifest;
    readonly members: readonly MemberManifest[];
  };
  readonly otherModules: readonly string[];
  readonly existing: { readonly dockerfiles: readonly string[]; readonly composeFiles: readonly string[] };
  readonly nodeVersion: string | undefined;
  readonly now: Date;
  readonly warnings: AnalysisWarning[];
}

/** A workspace member with its folder relative to the repository. */
export interface MemberManifest {
  readonly folder: string;
  readonly manifest: Manifest;
}

export interface ModuleReadings {
  readonly version: NodeVersion;
  readonly manager: PackageManagerChoice;
  readonly framework: string | null;
  readonly language: "javascript" | "typescript";
  readonly build: BuildPlan | null;
  readonly delivery: Delivery;
  readonly code: CodeReading;
  readonly install: InstallFacts;
}

/** Reads a module: its versions, how it is built and started, and what its code says. */
export async function readModule(input: ModuleInput): Promise<ModuleReadings> {
  const { tree, folder, manifest, install, warnings } = input;
  const explicit = input.nodeVersion;
  const module = { folder, manifest };
  const version = await resolveNodeVersion({ tree, module, root: install, explicit, now: input.now, warnings });
  const manifests = folder === install.folder ? [manifest] : [install.manifest, manifest];
  const nodeMajor = version.major;
  const manager = await choosePackageManager({ tree, folder: install.folder, manifests, nodeMajor, warnings });
  const framework = findFramework(manifest);
  const sources = sourceFiles(tree, folder, input.otherModules);
  const scripted = findBuild(manifest, framework, warnings);
  const start = await findStart({
    tree,
    folder,
    manifest,
    manager: manager.name,
    hasBuild: scripted !== null,
    warnings,
  });
  const command = scripted ?? (await findCompilation(input, start));
  const delivery = await describeDelivery({ tree, folder, manifest, framework, start, build: command });
  return {
    version,
    manager,
    framework,
    language: findLanguage(tree, folder, sources),
    build: command === null ? null : { ...command, outputs: delivery.outputs },
    delivery,
    code: await readCode(tree, folder, sources, delivery.start?.entrypoint ?? null),
    install: await describeInstall({
      tree,
      folder: install.folder,
      manifest: install.manifest,
      manager: manager.name,
      managerVersion: manager.version,
      lockfile: manager.lockfile,
      members: install.members.map((member) => relativeTo(install.folder, member.folder)),
    }),
  };
}

/** The compiler alone, when the start script called it first or starts a file that only it can write. */
async function findCompilation(
  input: ModuleInput,
  start: StartFinding,
): Promise<Pick<BuildPlan, "script" | "argv"> | null> {
  if (start.kind !== "program") return null;
  const { tree, folder, manifest } = input;
  const wasCalled = start.builds.some((argv) => argv[0] === "tsc");
  const isMissing = start.plan.entrypoint !== null && !(await tree.exists(joinPath(folder, start.plan.entrypoint)));
  return wasCalled || isMissing ? compilerBuild(manifest, tree.hasFile(joinPath(folder, "tsconfig.json"))) : null;
}

/** Whether the build writes the file that starts; where its outputs are not known, it may. */
export function isBuilt(build: BuildPlan | null, entrypoint: string): boolean {
  if (build === null) return false;
  return (
    build.outputs.length === 0 ||
    build.outputs.some((output) => entrypoint === output || entrypoint.startsWith(`${output}/`))
  );
}

/** The command that a package's `bin` names. */
export function commandStart(manifest: Manifest): StartPlan | null {
  const file = Object.values(manifest.bin)[0];
  if (file === undefined || joinPath(file).startsWith("..")) return null;
  const entrypoint = joinPath(file);
  const source = `bin of ${manifest.file}`;
  return { argv: ["node", entrypoint], env: {}, entrypoint, source, shell: false, needsDevDependencies: false };
}
