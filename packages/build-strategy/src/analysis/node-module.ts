/** Puts together what is known of one Node module. */
import type { AnalysisWarning, BuildPlan, ModuleKind, NodeFacts, NodePackageManager, SourceModule, StartPlan } from "../types.ts";
import { compilerBuild, findBuild } from "./build.ts";
import { describeDelivery } from "./delivery.ts";
import type { Delivery } from "./delivery.ts";
import { frameworkEntries, runtimeEntries, secretFiles } from "./entries.ts";
import { chooseDockerfile } from "./existing.ts";
import { findFramework, serverFrameworks } from "./framework.ts";
import { describeInstall } from "./install-inputs.ts";
import type { InstallFacts } from "./install-inputs.ts";
import { shipsWith } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { nativeDependencies, neededBrowser, neededRuntimePackages } from "./native-dependencies.ts";
import { resolveNodeVersion } from "./node-version.ts";
import type { NodeVersion } from "./node-version.ts";
import { choosePackageManager } from "./package-manager.ts";
import type { PackageManagerChoice } from "./package-manager.ts";
import { joinPath, nameOf, relativeTo } from "./path.ts";
import { findPorts, hasPortFlag, readCode } from "./ports.ts";
import type { CodeReading } from "./ports.ts";
import { findLanguage, sourceFiles } from "./sources.ts";
import type { SourceTree } from "./source-tree.ts";
import { findStart } from "./start.ts";

export interface ModuleInput {
  readonly tree: SourceTree;
  readonly folder: string;
  readonly manifest: Manifest;
  /** The workspace's root, or the module itself. */
  readonly install: { readonly folder: string; readonly manifest: Manifest; readonly members: readonly MemberManifest[] };
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

/** Everything that was read of a module before it is written down. */
interface Readings {
  readonly version: NodeVersion;
  readonly manager: PackageManagerChoice;
  readonly framework: string | null;
  readonly build: BuildPlan | null;
  readonly delivery: Delivery;
  readonly code: CodeReading;
  readonly installFacts: InstallFacts;
}

/** Analyses one module. */
export async function describeNodeModule(input: ModuleInput): Promise<SourceModule> {
  const { tree, folder, manifest, install, warnings, existing } = input;
  const manifests = folder === install.folder ? [manifest] : [install.manifest, manifest];
  const version = await resolveNodeVersion({
    ...{ tree, explicit: input.nodeVersion, now: input.now, warnings },
    ...{ module: { folder, manifest }, root: install },
  });
  const manager = await choosePackageManager({ tree, folder: install.folder, manifests, nodeMajor: version.major, warnings });
  const framework = findFramework(manifest);
  const sources = sourceFiles(tree, folder, input.otherModules);
  const found = findBuild(manifest, framework, warnings);
  const start = await findStart({ tree, folder, manifest, manager: manager.name, hasBuild: found !== null, warnings });
  const chained = start.kind === "program" ? start.builds.find((argv) => argv[0] === "tsc") : undefined;
  const compiles = chained !== undefined || (start.kind === "program" && start.plan.entrypoint !== null && !(await tree.exists(joinPath(folder, start.plan.entrypoint))));
  const command = found ?? (compiles ? compilerBuild(manifest, tree.hasFile(joinPath(folder, "tsconfig.json"))) : null);
  const delivery = await describeDelivery({ tree, folder, manifest, framework, start, build: command });
  const build = command === null ? null : { ...command, outputs: delivery.outputs };
  const code = await readCode(tree, folder, sources, delivery.start?.entrypoint ?? null);
  const installFacts = await describeInstall({
    ...{ tree, folder: install.folder, manifest: install.manifest, manager: manager.name, managerVersion: manager.version },
    ...{ lockfile: manager.lockfile, members: install.members.map((member) => relativeTo(install.folder, member.folder)) },
  });
  const ports = await findPorts({
    ...{ tree, folder, code, start: delivery.start, framework, warnings, composeFiles: existing.composeFiles },
    ...{ defaultPort: delivery.defaultPort, dockerfile: chooseDockerfile(existing.dockerfiles, folder) },
  });
  const readings: Readings = { version, manager, framework, build, delivery, code, installFacts };
  const kind = kindOf(input, readings, ports.length > 0);
  await warnOfGaps(input, readings, kind, ports.length > 0);
  const runs = kind === "cli" ? cliStart(manifest) : delivery.start;
  return {
    ...{ path: folder, name: manifest.name, platform: "node" as const, kind },
    language: findLanguage(tree, folder, sources),
    languageVersion: { value: version.value, source: version.source },
    framework,
    packageManager: manager.name,
    buildCommand: buildText(build, manager.name),
    startCommand: runs === null ? null : startText(runs.argv, runs.shell),
    entrypoint: runs?.entrypoint ?? null,
    ports: kind === "static" ? [] : ports,
    lockfile: manager.lockfile,
    dependenciesCount: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).length,
    node: toFacts(input, readings, runs),
  };
}

function kindOf({ manifest }: ModuleInput, { delivery, framework, code }: Readings, hasPorts: boolean): ModuleKind {
  if (delivery.site !== null) return "static";
  const answers = delivery.readsPort || (framework !== null && serverFrameworks.has(framework));
  if (delivery.start !== null && (answers || hasPorts || code.listening.length > 0)) return "server";
  return Object.keys(manifest.bin).length > 0 && manifest.scripts["start"] === undefined ? "cli" : "unknown";
}

function buildText(build: BuildPlan | null, manager: NodePackageManager): string | null {
  if (build === null) return null;
  return build.script === null ? `npx ${build.argv.join(" ")}` : `${manager} run ${build.script}`;
}

function startText(argv: readonly string[], shell: boolean): string {
  return shell ? (argv[2] ?? "") : argv.join(" ");
}

async function warnOfGaps(input: ModuleInput, readings: Readings, kind: ModuleKind, hasPorts: boolean): Promise<void> {
  const { tree, folder, manifest, warnings } = input;
  const { delivery, manager, installFacts, build, code } = readings;
  const file = manifest.file;
  const isProgram = kind === "server" || kind === "static" || delivery.start !== null;
  if (isProgram && manager.lockfile === null) {
    const message = `${file} has no lockfile for ${manager.name}: two builds may install different versions.`;
    warnings.push({ code: "LOCKFILE_MISSING", message, file });
  }
  if (kind === "server" && !hasPorts) {
    const why = code.readsPort ? "it reads PORT and has no default" : "no place in the code shows it";
    warnings.push({ code: "PORT_UNKNOWN", message: `The port of ${folder} is not known: ${why}.`, file });
  }
  const entry = delivery.start?.entrypoint ?? null;
  const isBuilt = build !== null && entry !== null && (build.outputs.length === 0 || build.outputs.some((output) => entry.startsWith(`${output}/`) || entry === output));
  if (entry !== null && !isBuilt && !(await tree.exists(joinPath(folder, entry)))) {
    warnings.push({ code: "START_FILE_MISSING", message: `${delivery.start?.source ?? ""} runs ${entry}, which is not there.`, file });
  }
  if (delivery.start?.needsDevDependencies === true) {
    const message = `The start command uses a program of devDependencies, so all of them stay in the image; move it to dependencies.`;
    warnings.push({ code: "START_NEEDS_DEV_DEPENDENCIES", message, file });
  }
  if (installFacts.npmrc === "credentials") {
    const at = joinPath(input.install.folder, ".npmrc");
    const message = `${at} holds credentials or keys; it stays out of the image and is asked for as the build secret "npmrc".`;
    warnings.push({ code: "CREDENTIALS_IN_NPMRC", message, file: at });
  }
  if (installFacts.yarnToken) {
    const at = joinPath(input.install.folder, ".yarnrc.yml");
    const message = `${at} holds a token, and yarn needs the file in the build; write \${NAME} there and keep the token in the environment.`;
    warnings.push({ code: "CREDENTIALS_IN_NPMRC", message, file: at });
  }
  const browser = neededBrowser(manifest);
  if (browser !== null) warnings.push({ code: "BROWSER_NEEDED", message: `${browser} drives a browser, and the image will have none.`, file });
}

function toFacts(input: ModuleInput, readings: Readings, start: StartPlan | null): NodeFacts {
  const { tree, folder, manifest, install } = input;
  const { version, manager, framework, build, delivery, code, installFacts } = readings;
  const installed = [install.manifest, ...install.members.map((member) => member.manifest), manifest];
  const inInstall = (path: string): string => relativeTo(install.folder, path);
  const needed = neededMembers(folder, manifest, install.members);
  return {
    major: version.major,
    version: manifest.version,
    description: manifest.description,
    license: manifest.license,
    homepage: manifest.homepage ?? install.manifest.homepage,
    packageManagerVersion: manager.version,
    installRoot: install.folder,
    installInputs: installFacts.inputs,
    manifest: nameOf(install.manifest.file),
    workspaceFolders: install.members.map((member) => inInstall(member.folder)),
    neededFolders: needed.map((member) => inInstall(member.folder)),
    builtFirst: needed
      .filter((member) => member.folder !== folder && member.manifest.scripts["build"] !== undefined)
      .map((member) => inInstall(member.folder)),
    manifestDamaged: install.manifest.damaged || manifest.damaged,
    buildWritesModules: installed.some((one) => shipsWith(one, "@prisma/client")),
    hasDevDependencies: installed.some((one) => Object.keys(one.devDependencies).length > 0),
    installScripts: installFacts.scripts,
    npmrc: installFacts.npmrc,
    yarnPath: installFacts.yarnPath,
    yarnCanFocus: installFacts.yarnCanFocus,
    nativeDependencies: nativeDependencies(installed),
    runtimePackages: neededRuntimePackages([manifest, install.manifest]),
    start,
    build,
    site: delivery.site,
    standalone: delivery.standalone,
    readsPortVariable: (delivery.readsPort || code.readsPort) && !hasPortFlag(start),
    // A framework's own server decides for itself; only a program whose code was read can be judged.
    handlesTermination: code.handlesTermination === false && delivery.readsPort ? null : code.handlesTermination,
    healthPath: code.healthPath,
    runtimeEntries: frameworkEntries(tree, folder, framework) ?? runtimeEntries(tree, folder, build?.outputs ?? []),
    secretFiles: secretFiles(tree, install.folder),
  };
}

function cliStart(manifest: Manifest): StartPlan | null {
  const file = Object.values(manifest.bin)[0];
  if (file === undefined || joinPath(file).startsWith("..")) return null;
  const entrypoint = joinPath(file);
  return { argv: ["node", entrypoint], env: {}, entrypoint, source: `bin of ${manifest.file}`, shell: false, needsDevDependencies: false };
}

/** The members that the module depends on, directly or through others, each before its users; the module last. */
function neededMembers(folder: string, manifest: Manifest, members: readonly MemberManifest[]): MemberManifest[] {
  if (members.length === 0) return [];
  const byName = new Map(members.map((member) => [member.manifest.name, member]));
  const seen = new Set<string>();
  const ordered: MemberManifest[] = [];
  // Each entry is looked at twice: to bring in what it depends on, then to take its own place after them.
  const waiting: { member: MemberManifest; expanded: boolean }[] = [{ member: { folder, manifest }, expanded: false }];
  for (let current = waiting.pop(); current !== undefined; current = waiting.pop()) {
    const { member, expanded } = current;
    if (expanded) {
      ordered.push(member);
      continue;
    }
    if (seen.has(member.folder)) continue;
    seen.add(member.folder);
    waiting.push({ member, expanded: true });
    const { dependencies, optionalDependencies, devDependencies } = member.manifest;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies })) {
      const dependency = byName.get(name);
      if (dependency !== undefined) waiting.push({ member: dependency, expanded: false });
    }
  }
  return ordered;
}
