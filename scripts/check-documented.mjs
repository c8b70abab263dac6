#!/usr/bin/env node
/**
 * Does every name on a package's public face have a doc comment? A face is `src/index.ts`: a list of exports by name,
 * each from the file that declares it (other checks keep it so), which makes the text enough to look at.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { root } from "./bootstrap/root.mjs";

const EXPORTS = /export (?:type )?\{([^}]*)\} from "(\.[^"]+)"/g;
const declaration = (name) =>
  new RegExp(
    `^export (?:declare )?(?:abstract )?(?:async )?(?:function\\*?|interface|type|const|class|enum) ${name}\\b`,
  );

/** `file: name` of every export without a comment right before it. */
function undocumented(face) {
  const found = [];
  for (const [, names, path] of readFileSync(face, "utf8").matchAll(EXPORTS)) {
    const file = join(dirname(face), path);
    const lines = readFileSync(file, "utf8").split("\n");
    for (const name of names.split(",").map((text) => text.trim().split(/\s+as\s+/)[0])) {
      if (name === "") continue;
      const at = lines.findIndex((line) => declaration(name).test(line));
      if (at === -1 || !lines[at - 1]?.trimEnd().endsWith("*/")) found.push(`${relative(root, file)}: ${name}`);
    }
  }
  return found;
}

const faces = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name, "src", "index.ts"))
  .filter((face) => existsSync(face));
const missing = faces.flatMap(undocumented);
for (const line of missing) process.stdout.write(`${line} is exported and has no doc comment\n`);
process.exitCode = missing.length > 0 ? 1 : 0;
