/**
 * The flags of Node's permission model for one plugin: it reads its own code, its declared dependencies and the granted
 * folders; it writes nothing, starts nothing and loads no native code.
 */
import { fail } from "../errors.ts";

/** What a plugin's process may do. */
export interface Grants {
  /** Absolute paths of files that may be read. */
  readonly files: readonly string[];
  /** Absolute folders that may be read with everything in them. */
  readonly folders: readonly string[];
  readonly network: boolean;
}

/** Arguments of Node for these grants. @throws PLUGIN_INVALID for a path that a flag would read as a pattern */
export function permissionFlags({ files, folders, network }: Grants): string[] {
  const pattern = [...files, ...folders].find((path) => /[*,]/.test(path));
  if (pattern !== undefined)
    throw fail(
      "PLUGIN_INVALID",
      `${pattern} has a star or a comma in its name, which Node's permission model reads as a pattern`,
    );
  const paths = [...files, ...folders.map((folder) => (folder.endsWith("/") ? `${folder}*` : `${folder}/*`))];
  return [
    permissionFlag(process.versions.node),
    // Newer Nodes know the network too; this one is confined by the host program alone.
    ...(network && process.allowedNodeEnvironmentFlags.has("--allow-net") ? ["--allow-net"] : []),
    ...withoutPrefixes(paths).map((path) => `--allow-fs-read=${path}`),
  ];
}

/**
 * Node 20 aborts where one path begins with the whole of another. What a folder covers is left out; two files of which
 * one name begins the other (`index.js`, `index.js.map`) become one pattern.
 */
function withoutPrefixes(paths: readonly string[]): string[] {
  const kept: string[] = [];
  for (const path of [...new Set(paths)].sort((a, b) => (stem(a) < stem(b) ? -1 : 1))) {
    const last = kept.at(-1);
    if (last === undefined || !stem(path).startsWith(stem(last))) kept.push(path);
    else kept[kept.length - 1] = `${stem(last)}*`;
  }
  return kept;
}

function stem(path: string): string {
  return path.endsWith("*") ? path.slice(0, -1) : path;
}

/** The flag lost its `experimental` in 22.13 and 23.5. */
function permissionFlag(version: string): string {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const stable = major >= 24 || (major === 23 && minor >= 5) || (major === 22 && minor >= 13);
  return stable ? "--permission" : "--experimental-permission";
}
