/**
 * Which package manager a module uses, in which version, and its lockfile.
 *
 * - P1  The order is: the packageManager field, devEngines.packageManager, the lockfile, what only one manager reads
 *       (pnpm-workspace.yaml, .yarnrc.yml, bunfig.toml), engines, npm. Another's lockfile beside it is reported.
 * - P2  A version ends in a command line, so only what has a version's form leaves this file.
 */
import semver from "semver";
import { parse as parseYaml } from "yaml";
import type { AnalysisWarning, NodePackageManager } from "../types.ts";
import type { Manifest } from "./manifest.ts";
import { joinPath } from "./path.ts";
import type { SourceTree } from "./source-tree.ts";

export interface PackageManagerChoice {
  readonly name: NodePackageManager;
  /** Exact, or a major; null for whatever comes with the base image. */
  readonly version: string | null;
  /** Relative to the repository's root. */
  readonly lockfile: string | null;
}

const lockfileNames: Readonly<Record<NodePackageManager, readonly string[]>> = {
  pnpm: ["pnpm-lock.yaml"],
  bun: ["bun.lock", "bun.lockb"],
  yarn: ["yarn.lock"],
  npm: ["package-lock.json", "npm-shrinkwrap.json"],
};

const managers = ["pnpm", "bun", "yarn", "npm"] as const;

export interface PackageManagerInput {
  readonly tree: SourceTree;
  /** Where the lockfile and the workspace settings are. */
  readonly folder: string;
  /** The manifest there, and the module's own when that is another. */
  readonly manifests: readonly Manifest[];
  readonly nodeMajor: number;
  readonly warnings: AnalysisWarning[];
}

/** Chooses the package manager (P1). */
export async function choosePackageManager(input: PackageManagerInput): Promise<PackageManagerChoice> {
  const { tree, folder, warnings } = input;
  const declared = findDeclared(input.manifests);
  const locked = managers.filter((name) => lockfileIn(tree, folder, name) !== null);
  const name =
    declared?.name ?? locked[0] ?? findByTraces(input) ?? findByEngines(input.manifests) ?? fallback(input.manifests);
  const lockfile = lockfileIn(tree, folder, name);
  const others = locked.filter((other) => other !== name).map((other) => lockfileIn(tree, folder, other) ?? other);
  if (declared !== null && lockfile === null && others.length > 0) {
    const message = `${declared.source} names ${name}, and the lockfile is ${others.join(" and ")}: it is not used.`;
    warnings.push({ code: "PACKAGE_MANAGER_DISAGREES", message, file: others[0] ?? folder });
  } else if (others.length > 0) {
    const message = `${String(lockfile)} is used; ${others.join(" and ")} of another package manager should be removed.`;
    warnings.push({ code: "LOCKFILE_CONFLICT", message, file: others[0] ?? folder });
  }
  const version = cleanVersion(declared?.version ?? null) ?? (await versionFromFiles(input, name, lockfile));
  return { name, version, lockfile };
}

function lockfileIn(tree: SourceTree, folder: string, name: NodePackageManager): string | null {
  const found = lockfileNames[name].find((file) => tree.hasFile(joinPath(folder, file)));
  return found === undefined ? null : joinPath(folder, found);
}

interface Declared {
  readonly name: NodePackageManager;
  readonly version: string | null;
  readonly source: string;
}

function findDeclared(manifests: readonly Manifest[]): Declared | null {
  for (const field of ["packageManager", "devPackageManager"] as const) {
    for (const manifest of manifests) {
      const said = manifest[field];
      if (said === null) continue;
      const at = said.indexOf("@", 1);
      const name = managers.find((manager) => manager === (at === -1 ? said : said.slice(0, at)));
      const label = field === "packageManager" ? field : "devEngines.packageManager";
      if (name !== undefined)
        return { name, version: at === -1 ? null : said.slice(at + 1), source: `${label} of ${manifest.file}` };
    }
  }
  return null;
}

function findByTraces({ tree, folder, manifests }: PackageManagerInput): NodePackageManager | null {
  if (tree.hasFile(joinPath(folder, "pnpm-workspace.yaml"))) return "pnpm";
  if (tree.hasFile(joinPath(folder, "bunfig.toml"))) return "bun";
  if (tree.hasFile(joinPath(folder, ".yarnrc.yml")) || tree.hasFile(joinPath(folder, ".yarnrc"))) return "yarn";
  const bun = manifests.some((manifest) => /^bun\s/.test(manifest.scripts["start"] ?? ""));
  return bun ? "bun" : null;
}

function findByEngines(manifests: readonly Manifest[]): NodePackageManager | null {
  // Many write engines.npm out of habit beside another manager's, so npm comes last.
  return managers.find((name) => manifests.some((manifest) => manifest.engines[name] !== undefined)) ?? null;
}

/** npm reads package.json alone; the other forms of the manifest are pnpm's. */
function fallback(manifests: readonly Manifest[]): NodePackageManager {
  return manifests.every((manifest) => manifest.file.endsWith(".json")) ? "npm" : "pnpm";
}

/** (P2) An exact version without its hash, or the lowest that a range allows, as a major. */
function cleanVersion(said: string | null): string | null {
  if (said === null) return null;
  const plain = said.split("+")[0]?.trim() ?? "";
  const exact = semver.valid(plain);
  if (exact !== null) return exact;
  return lowestMajor(plain);
}

function lowestMajor(range: string): string | null {
  if (range === "" || range === "*" || semver.validRange(range) === null) return null;
  const lowest = semver.minVersion(range);
  return lowest === null || lowest.major === 0 ? null : String(lowest.major);
}

async function versionFromFiles(
  { tree, folder, manifests, nodeMajor }: PackageManagerInput,
  name: NodePackageManager,
  lockfile: string | null,
): Promise<string | null> {
  const engines = manifests.map((manifest) => manifest.engines[name]).find((said) => said !== undefined);
  const head = lockfile === null || lockfile.endsWith(".lockb") ? "" : ((await tree.readHead(lockfile, 512)) ?? "");
  if (name === "yarn") return yarnVersion(tree, folder, head);
  if (name === "pnpm")
    return (
      pnpmFromLock(head, nodeMajor, await hasPnpmTenSettings(tree, folder, manifests)) ?? lowestMajor(engines ?? "")
    );
  return null;
}

async function yarnVersion(tree: SourceTree, folder: string, lockHead: string): Promise<string> {
  const settings = await tree.read(joinPath(folder, ".yarnrc.yml"));
  const release = /yarn-(\d+\.\d+\.\d+)\.c?js/.exec(settings ?? "")?.[1];
  if (release !== undefined) return release;
  const format = Number(/__metadata:\s+version:\s*(\d+)/.exec(lockHead)?.[1]);
  if (Number.isNaN(format)) return settings === null ? "1" : "4";
  if (format >= 8) return "4";
  return format >= 6 ? "3" : "2";
}

/** Each lockfile format is written by one line of pnpm, except 9.0, which two lines share. */
function pnpmFromLock(head: string, nodeMajor: number, wantsTen: boolean): string | null {
  const format = /lockfileVersion:\s*'?"?(\d+)\.(\d+)/.exec(head);
  if (format === null) return nodeMajor >= 18 ? "10" : "8";
  if (Number(format[1]) >= 9) return wantsTen ? "10" : "9";
  return Number(format[1]) >= 6 ? "8" : "7";
}

/** pnpm 10 runs no script of a dependency unless it is named; whoever names some uses 10, and only 10 reads settings from the workspace file. */
async function hasPnpmTenSettings(tree: SourceTree, folder: string, manifests: readonly Manifest[]): Promise<boolean> {
  if (manifests.some((manifest) => Object.hasOwn(manifest.pnpmSettings, "onlyBuiltDependencies"))) return true;
  const text = await tree.read(joinPath(folder, "pnpm-workspace.yaml"));
  if (text === null) return false;
  try {
    const settings: unknown = parseYaml(text, { maxAliasCount: 100 });
    const known = new Set(["packages", "catalog", "catalogs"]);
    return typeof settings === "object" && settings !== null && Object.keys(settings).some((key) => !known.has(key));
  } catch {
    return false;
  }
}
