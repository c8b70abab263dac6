import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { countLines } from "../src/count-lines.js";
import { findNotes } from "../src/find-notes.js";

const { signal } = new AbortController();
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "code-notes-"));
  await mkdir(join(folder, "src"));
  await writeFile(join(folder, "src", "a.js"), "one\n// TODO: tidy up\n");
  await writeFile(join(folder, "b.md"), "no end of line");
});

after(() => rm(folder, { recursive: true, force: true }));

test("lines are counted by extension", async () => {
  const counted = await countLines(folder, { signal, report: () => {} });
  assert.deepEqual(counted, { files: 2, lines: 3, byExtension: { ".js": 2, ".md": 1 } });
});

test("a note is found with its place", async () => {
  assert.deepEqual(await findNotes(folder, { signal }), [
    { rule: "todo", severity: "low", message: "tidy up", file: "src/a.js", line: 2 },
  ]);
});

test("work that was told to stop stops", async () => {
  await assert.rejects(countLines(folder, { signal: AbortSignal.abort(), report: () => {} }));
});
