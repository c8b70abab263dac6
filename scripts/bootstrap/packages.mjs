import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";

/** The folders of the workspace's packages, of all groups or of some. */
export function packageFolders(groups = ["packages", "apps", "tooling"]) {
  return groups
    .map((group) => join(root, group))
    .filter((group) => existsSync(group))
    .flatMap((group) => readdirSync(group).map((name) => join(group, name)))
    .filter((folder) => existsSync(join(folder, "package.json")));
}
