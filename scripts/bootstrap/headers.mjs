/**
 * Where node-gyp finds Node's headers.
 *
 * SQLite is compiled where its ready-made binary cannot be downloaded, and node-gyp then downloads the headers, which
 * fails on the same machines. Most Node installations bring the headers along: they are used when they are exactly
 * those of the running Node, and when nobody has said otherwise. An .npmrc that points to the headers of another Node
 * has said nothing about this one: what is compiled with them would not load.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "./root.mjs";

/** Variables that point node-gyp to the headers of this Node; none where they are not there or already configured. */
export function headerVariables(environment = process.env) {
  if (environment.npm_config_nodedir || environment.npm_package_config_node_gyp_nodedir) return {};
  const configured = configuredFolder(environment);
  if (configured !== undefined && [undefined, process.versions.node].includes(versionOfHeaders(configured))) return {};
  const folder = dirname(dirname(process.execPath));
  if (versionOfHeaders(folder) !== process.versions.node) return {};
  return { npm_config_nodedir: folder, npm_package_config_node_gyp_nodedir: folder };
}

/** The version that a folder's headers belong to; undefined where it holds none. */
function versionOfHeaders(folder) {
  const file = join(folder, "include", "node", "node_version.h");
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const part = (name) => new RegExp(`^#define NODE_${name}_VERSION (\\d+)`, "m").exec(text)?.[1];
  return [part("MAJOR"), part("MINOR"), part("PATCH")].join(".");
}

function configuredFolder(environment) {
  const files = [join(root, ".npmrc"), environment.npm_config_userconfig ?? join(homedir(), ".npmrc")];
  for (const file of files.filter((name) => existsSync(name))) {
    const folder = /^\s*nodedir\s*=\s*(.+?)\s*$/m.exec(readFileSync(file, "utf8"))?.[1];
    if (folder !== undefined) return folder;
  }
  return undefined;
}
