import type { NodeFacts, StartPlan } from "../types.ts";
import { frameworkEntries, runtimeEntries, secretFiles } from "./entries.ts";
import { shipsWith } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import type { MemberManifest, ModuleInput, ModuleReadings } from "./module-readings.ts";
import { nativeDependencies, neededRuntimePackages } from "./native-dependencies.ts";
import { nameOf, relativeTo } from "./path.ts";
import { hasPortFlag } from "./ports.ts";

/** What the Node template needs to know of a module. */
export function describeFacts(input: ModuleInput, readings: ModuleReadings, start: StartPlan | null): NodeFacts {
  const { tree, folder, manifest, install } = input;
  const { version, manager, framework, build, delivery, code } = readings;
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
    installInputs: readings.install.inputs,
    manifest: nameOf(install.manifest.file),
    workspaceFolders: install.members.map((member) => inInstall(member.folder)),
    neededFolders: needed.map((member) => inInstall(member.folder)),
    builtFirst: needed
      .filter((member) => member.folder !== folder && member.manifest.scripts["build"] !== undefined)
      .map((member) => inInstall(member.folder)),
    manifestDamaged: install.manifest.damaged || manifest.damaged,
    buildWritesModules: installed.some((one) => shipsWith(one, "@prisma/client")),
    hasDevDependencies: installed.some((one) => Object.keys(one.devDependencies).length > 0),
    installScripts: readings.install.scripts,
    npmrc: readings.install.npmrc,
    yarnPath: readings.install.yarnPath,
    yarnCanFocus: readings.install.yarnCanFocus,
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
