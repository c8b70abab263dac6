import JSON5 from "json5";
import { parse as parseYaml } from "yaml";
import type { AnalysisWarning } from "../types.ts";
import { joinPath } from "./path.ts";
import type { SourceTree } from "./source-tree.ts";

/** What a package.json says, with every field of a wrong type left out. */
export interface Manifest {
  /** Relative to the repository's root. */
  readonly file: string;
  /** The file could not be read as what it claims to be; the fields are what could be saved. */
  readonly damaged: boolean;
  readonly name: string | null;
  readonly version: string | null;
  readonly description: string | null;
  readonly license: string | null;
  readonly homepage: string | null;
  readonly type: string | null;
  readonly main: string | null;
  readonly module: string | null;
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly engines: Readonly<Record<string, string>>;
  readonly voltaNode: string | null;
  readonly packageManager: string | null;
  /** `devEngines.packageManager` as `name@version`. */
  readonly devPackageManager: string | null;
  /** Workspace patterns, or null when it is no workspace. */
  readonly workspaces: readonly string[] | null;
  /** The `pnpm` object names patches or which dependencies may run their scripts. */
  readonly pnpmSettings: Readonly<Record<string, unknown>>;
}

/** The file names that are manifests, in the order of preference. Only pnpm reads the last two. */
export const manifestNames = ["package.json", "package.json5", "package.yaml"] as const;

type Fields = Readonly<Record<string, unknown>>;

/** The manifest of a folder, or null when it has none. What is wrong with it becomes a warning. */
export async function readManifest(
  tree: SourceTree,
  folder: string,
  warnings: AnalysisWarning[],
): Promise<Manifest | null> {
  for (const name of manifestNames) {
    const file = joinPath(folder, name);
    if (!tree.hasFile(file)) continue;
    const text = await tree.read(file);
    const parsed = text === null ? { fields: {}, problem: "it could not be read" } : parseManifest(name, text);
    // hpack, a Haskell tool, uses the name package.yaml too: there `dependencies` is a list.
    if (name === "package.yaml" && (Array.isArray(parsed.fields["dependencies"]) || parsed.problem !== null)) continue;
    if (parsed.problem !== null) {
      warnings.push({ code: "MANIFEST_INVALID", message: `${file} is not valid: ${parsed.problem}.`, file });
    }
    return fromFields(file, parsed.fields, parsed.problem !== null);
  }
  return null;
}

interface Parsed {
  readonly fields: Fields;
  readonly problem: string | null;
}

function parseManifest(name: string, text: string): Parsed {
  if (name === "package.json") return parseStrictly(text);
  try {
    return asFields(name === "package.json5" ? JSON5.parse(text) : parseYaml(text, { maxAliasCount: 100 }));
  } catch (error) {
    return { fields: {}, problem: firstLine(error) };
  }
}

/** JSON as npm reads it; what only a forgiving parser accepts is used and reported. */
function parseStrictly(text: string): Parsed {
  try {
    return asFields(JSON.parse(text));
  } catch (error) {
    const problem = firstLine(error);
    try {
      return { fields: asFields(JSON5.parse(text)).fields, problem };
    } catch {
      return { fields: {}, problem };
    }
  }
}

function asFields(value: unknown): Parsed {
  return isFields(value) ? { fields: value, problem: null } : { fields: {}, problem: "it holds no object" };
}

/** The first line of an error, without the excerpt of the file that V8 adds. */
function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : "unknown syntax";
  return (message.split("\n")[0] ?? "").slice(0, 120);
}

function fromFields(file: string, fields: Fields, damaged: boolean): Manifest {
  return {
    file,
    damaged,
    name: text(fields["name"]),
    version: text(fields["version"]),
    description: text(fields["description"]),
    license: text(fields["license"]) ?? text(object(fields["license"])["type"]),
    homepage: text(fields["repository"]) ?? text(object(fields["repository"])["url"]) ?? text(fields["homepage"]),
    type: text(fields["type"]),
    main: text(fields["main"]),
    module: text(fields["module"]),
    bin: binaries(fields),
    scripts: texts(fields["scripts"]),
    dependencies: texts(fields["dependencies"]),
    devDependencies: texts(fields["devDependencies"]),
    optionalDependencies: texts(fields["optionalDependencies"]),
    engines: texts(fields["engines"]),
    voltaNode: text(object(fields["volta"])["node"]),
    packageManager: text(fields["packageManager"]),
    devPackageManager: devPackageManager(fields),
    workspaces: workspacePatterns(fields["workspaces"]),
    pnpmSettings: object(fields["pnpm"]),
  };
}

function binaries(fields: Fields): Record<string, string> {
  const single = text(fields["bin"]);
  return single === null ? texts(fields["bin"]) : { [text(fields["name"]) ?? "bin"]: single };
}

function devPackageManager(fields: Fields): string | null {
  const declared = object(fields["devEngines"])["packageManager"];
  const first = object(Array.isArray(declared) ? declared[0] : declared);
  const name = text(first["name"]);
  const version = text(first["version"]);
  return name === null ? null : `${name}@${version ?? ""}`;
}

function workspacePatterns(value: unknown): string[] | null {
  const list = Array.isArray(value) ? value : object(value)["packages"];
  return Array.isArray(list) ? list.filter((entry) => typeof entry === "string") : null;
}

function text(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value : null;
}

function object(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function texts(value: unknown): Record<string, string> {
  const entries = Object.entries(object(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(entries);
}

/** Whether a package is a dependency of any kind that is installed. */
export function dependsOn(manifest: Manifest, name: string): boolean {
  return shipsWith(manifest, name) || Object.hasOwn(manifest.devDependencies, name);
}

/** Whether a package is there at run time: devDependencies are not. */
export function shipsWith(manifest: Manifest, name: string): boolean {
  return Object.hasOwn(manifest.dependencies, name) || Object.hasOwn(manifest.optionalDependencies, name);
}
