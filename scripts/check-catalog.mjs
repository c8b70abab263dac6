#!/usr/bin/env node
/**
 * Does every dependency take its version from the workspace's catalog? sherif compares written versions with each other
 * only, so one that is written beside a `catalog:` of the same dependency escapes it. A peer dependency names a range.
 */
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { packageFolders } from "./bootstrap/packages.mjs";
import { root } from "./bootstrap/root.mjs";

const files = [root, ...packageFolders()].map((folder) => join(folder, "package.json"));
const faults = files.flatMap((file) => {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(file, "utf8"));
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => version !== "catalog:" && version !== "workspace:*")
    .map(([name, version]) => `${relative(root, file)}: ${name} is ${version}, and should be catalog: or workspace:*`);
});
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
