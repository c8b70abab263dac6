/**
 * Where a plugin's package is, what it is started by, and which folders its code is in.
 */
import { lstat, readFile, readdir, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { z } from "zod";
import { fail } from "../errors.ts";

const MOST_DEPENDENCIES = 500;

const names = z.record(z.string(), z.unknown()).optional();
const packageSchema = z.looseObject({
  name: z.string().optional(),
  version: z.string().optional(),
  main: z.string().optional(),
  exports: z.unknown().optional(),
  dependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
});

/** A plugin's package on disk. */
export interface PluginPackage {
  /** Its folder, symbolic links resolved. */
  readonly folder: string;
  /** A `file:` URL. */
  readonly entry: string;
  /** What must be readable for its code and its declared dependencies to load. */
  readonly code: { readonly files: readonly string[]; readonly folders: readonly string[] };
  /** Folders of its dependencies, symbolic links resolved. */
  readonly dependencies: readonly string[];
}

/** Finds a package by path or name. @param base where relative paths and names start @throws PLUGIN_INVALID */
export async function findPackage(reference: string, base: string): Promise<PluginPackage> {
  const found = isPath(reference) ? resolve(base, reference) : await findUpward(base, reference);
  const folder = await realpath(found ?? join(base, "node_modules", reference)).catch((cause: unknown) => {
    throw fail("PLUGIN_INVALID", `there is no plugin ${reference}`, {
      cause,
      remedy: isPath(reference)
        ? "Correct the path: it names the folder that holds the plugin's package.json."
        : `Install the package into ${base}, or correct its name under plugins; a path begins with ./ or /.`,
    });
  });
  const manifest = await readManifest(folder);
  if (manifest === undefined)
    throw fail("PLUGIN_INVALID", `${folder} is no package: it has no package.json that can be read`, {
      remedy: "Name the folder that holds the plugin's package.json.",
    });
  const target = entryOf(manifest.exports) ?? manifest.main ?? "index.js";
  const entry = resolve(folder, target);
  if (!isInside(entry, folder))
    throw fail("PLUGIN_INVALID", `the entry ${target} of ${folder} is outside of the package`);
  await lstat(entry).catch((cause: unknown) => {
    throw fail("PLUGIN_INVALID", `the entry ${target} of ${folder} does not exist`, {
      cause,
      remedy: "Build the plugin, or correct main or exports in its package.json.",
    });
  });
  const links = new Set<string>();
  const dependencies = new Set<string>();
  await collectDependencies(folder, manifest, { links, dependencies });
  const parts = await Promise.all([folder, ...dependencies].map((own) => ownParts(own)));
  const code = {
    files: parts.flatMap((part) => part.files),
    // A link is read through as a folder.
    folders: [...links, ...parts.flatMap((part) => part.folders)],
  };
  return { folder, entry: pathToFileURL(entry).href, code, dependencies: [...dependencies] };
}

type Manifest = z.output<typeof packageSchema>;

async function readManifest(folder: string): Promise<Manifest | undefined> {
  try {
    return packageSchema.parse(JSON.parse(await readFile(join(folder, "package.json"), "utf8")));
  } catch {
    // Whatever is wrong with it, it makes no package; the caller says so.
    return undefined;
  }
}

/** The `.` of an exports map, as an ES module in Node finds it. */
function entryOf(exported: unknown): string | undefined {
  if (typeof exported === "string") return exported;
  if (Array.isArray(exported)) return exported.map((item) => entryOf(item)).find((entry) => entry !== undefined);
  if (typeof exported !== "object" || exported === null) return undefined;
  const map = exported as Record<string, unknown>;
  if ("." in map) return entryOf(map["."]);
  for (const [condition, value] of Object.entries(map)) {
    if (!["node", "import", "module-sync", "default"].includes(condition)) continue;
    const entry = entryOf(value);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

/** `node_modules/NAME` in this folder or one above it. */
async function findUpward(from: string, name: string): Promise<string | undefined> {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    const found = await lstat(candidate)
      .then(() => true)
      .catch(() => false);
    if (found) return candidate;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Declared dependencies and theirs, each where Node would find it. A missing one is the import's to complain about. */
async function collectDependencies(
  folder: string,
  manifest: Manifest,
  found: { readonly links: Set<string>; readonly dependencies: Set<string> },
): Promise<void> {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifest;
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
    const link = await findUpward(folder, name);
    if (link === undefined) continue;
    const real = await realpath(link).catch(() => undefined);
    if (real === undefined) continue;
    if (real !== link) found.links.add(link);
    if (found.dependencies.has(real)) continue;
    found.dependencies.add(real);
    if (found.dependencies.size > MOST_DEPENDENCIES)
      throw fail("PLUGIN_INVALID", `${folder} has more than ${MOST_DEPENDENCIES} dependencies`);
    const own = await readManifest(real);
    if (own !== undefined) await collectDependencies(real, own, found);
  }
}

/** A package's own entries: everything but the packages that are installed in it. */
async function ownParts(folder: string): Promise<{ files: string[]; folders: string[] }> {
  // Names that begin that of node_modules too: a pattern over them would open it.
  const entries = (await readdir(folder, { withFileTypes: true })).filter(
    ({ name }) => !"node_modules".startsWith(name) && name !== ".git",
  );
  const isFolder = new Map(entries.map((entry) => [join(folder, entry.name), entry.isDirectory()]));
  const paths = [...isFolder.keys()];
  return {
    files: paths.filter((path) => isFolder.get(path) === false),
    folders: paths.filter((path) => isFolder.get(path) === true),
  };
}

/** Whether a configuration names a plugin by its path, not as an installed package. */
export function isPath(reference: string): boolean {
  return reference.startsWith(".") || isAbsolute(reference);
}

/** Whether a path is the folder or lies in it, by name alone. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
