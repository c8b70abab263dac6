#!/usr/bin/env node
/**
 * Does every dependency take its version from the workspace's catalog? sherif compares written versions with each other
 * only, so one that is written beside a `catalog:` of the same dependency escapes it. A peer dependency names a range.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./bootstrap/root.mjs";

const folders = ["packages", "apps", "tooling"].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => join(root, folder, name)),
);
const files = [root, ...folders].map((folder) => join(folder, "package.json")).filter((file) => existsSync(file));
const faults = files.flatMap((file) => {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(readFileSync(file, "utf8"));
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => version !== "catalog:" && version !== "workspace:*")
    .map(([name, version]) => `${relative(root, file)}: ${name} is ${version}, and should be catalog: or workspace:*`);
});
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
