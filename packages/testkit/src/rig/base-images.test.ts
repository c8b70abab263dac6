import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { writeBaseImageMap } from "./base-images.ts";
import { rigPaths } from "./paths.ts";

const folder = mkdtempSync(join(tmpdir(), "base-images-test-"));
const paths = rigPaths({ CONTAINER_KIT_RIG: folder });
const standin = { image: "standin/node:20-slim", of: "node:20-slim", node: "20.1.2" };
afterAll(() => rmSync(folder, { recursive: true }));

test("every usual Node image is mapped to the one stand-in, and the file says which Node that is", () => {
  expect(writeBaseImageMap(paths, standin, false)).toBe(paths.config);
  const text = readFileSync(paths.config, "utf8");
  expect(text).toContain("runs Node 20.1.2");
  for (const name of ["node:18-slim", "node:20", "node:22-alpine", "node:26-bookworm-slim"]) {
    expect(text).toContain(`  "${name}": "standin/node:20-slim"\n`);
  }
  expect(text).toContain('  "docker/dockerfile:1": builtin\n');
});

test("where real images can be pulled there is no map", () => {
  writeBaseImageMap(paths, standin, false);
  expect(writeBaseImageMap(paths, standin, true)).toBeNull();
  expect(existsSync(paths.config)).toBe(false);
});

test("without a stand-in there is nothing to map to", () => {
  expect(writeBaseImageMap(paths, undefined, false)).toBeNull();
});
