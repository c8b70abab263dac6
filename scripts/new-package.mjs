#!/usr/bin/env node
/**
 * `pnpm new <name> <layer> <description>`: a package of the same shape as all the others.
 *
 * Layers are those of docs/architecture.md: `layer-0` to `layer-5`, or `testkit`.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync, existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const template = join(root, "tooling", "template");
const [name, layer, ...words] = process.argv.slice(2).filter((argument) => argument !== "--");

if (!/^[a-z][a-z0-9-]*$/.test(name ?? "") || !/^(layer-[0-5]|testkit)$/.test(layer ?? "") || words.length === 0) {
  console.error('usage: pnpm new <kebab-name> <layer-0..layer-5|testkit> "<one sentence of what it is>"');
  process.exit(2);
}

const target = join(root, "packages", name);
if (existsSync(target)) {
  console.error(`packages/${name} exists already: choose another name or remove it first`);
  process.exit(1);
}

const values = { __NAME__: name, __LAYER__: layer, __DESCRIPTION__: words.join(" ") };
const fill = (text) => text.replaceAll(/__[A-Z]+__/g, (mark) => values[mark] ?? mark);

for (const file of readdirSync(template, { recursive: true, withFileTypes: true })) {
  if (!file.isFile()) continue;
  const source = join(file.parentPath, file.name);
  const destination = join(target, relative(template, source).replace(/\.tmpl$/, ""));
  mkdirSync(dirname(destination), { recursive: true });
  writeFileSync(destination, fill(readFileSync(source, "utf8")));
}
console.log(`packages/${name} made; next: pnpm install, then write src/index.ts and its README`);
