import { chmod, link, mkdtemp, readFile, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRedactor } from "@container-kit/observability";
import { afterEach, beforeEach, expect, test } from "vitest";
import { noteFiles, restoreFiles } from "./restore-files.ts";

let root: string;
let notes: unknown[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "restore-files-"));
  notes = [];
});

afterEach(() => rm(root, { recursive: true, force: true }));

const file = { path: "Dockerfile", content: "FROM new\n" };
const place = () => join(root, file.path);

/** Notes the file and writes it; notes are kept as JSON, as the record does. */
async function make(): Promise<void> {
  const willMake = async (note: unknown) => void notes.unshift(JSON.parse(JSON.stringify(note)));
  await noteFiles({ root, files: [file] }, createRedactor(), { willMake });
  await writeFile(place(), file.content);
}
const now = () => readFile(place(), "utf8").catch((error: NodeJS.ErrnoException) => error.code);

test("a new file is removed, and a second time changes nothing", async () => {
  await make();
  await restoreFiles(notes);
  expect(await now()).toBe("ENOENT");
  await restoreFiles(notes);
});

test("a file that was replaced gets its content and its mode back", async () => {
  await writeFile(place(), "FROM old\n");
  await chmod(place(), 0o640);
  await make();
  await restoreFiles(notes);
  expect([await now(), (await stat(place())).mode & 0o777]).toEqual(["FROM old\n", 0o640]);
});

test("a file that somebody has changed since stays", async () => {
  await make();
  await writeFile(place(), "FROM mine\n");
  await restoreFiles(notes);
  expect(await now()).toBe("FROM mine\n");
});

test("a file that held this content already is not noted", async () => {
  await writeFile(place(), file.content);
  await make();
  expect(notes).toEqual([]);
});

test("what looks like a secret is not kept, and that the file cannot be taken back is told", async () => {
  await writeFile(place(), "FROM old\nENV GITHUB_TOKEN=ghp_0123456789abcdefghijklmnopqrstuvwxyz\n");
  await make();
  expect(JSON.stringify(notes)).not.toContain("ghp_");
  await expect(restoreFiles(notes)).rejects.toMatchObject({ code: "CONFLICT", details: { paths: [place()] } });
});

test("one that stayed beside under another name comes back from there, secrets and all, wherever the process died", async () => {
  const secret = "FROM old\nENV GITHUB_TOKEN=ghp_0123456789abcdefghijklmnopqrstuvwxyz\n";
  const beside = join(root, "Dockerfile.bak");
  const steps = [
    () => link(place(), beside),
    async () => {
      await writeFile(`${place()}.tmp`, file.content);
      await rename(`${place()}.tmp`, place());
    },
  ];
  for (const died of [0, 1, 2]) {
    await writeFile(place(), secret);
    notes = [];
    const willMake = async (note: unknown) => void notes.unshift(JSON.parse(JSON.stringify(note)));
    await noteFiles({ root, files: [file], kept: { Dockerfile: "Dockerfile.bak" } }, createRedactor(), { willMake });
    expect(JSON.stringify(notes)).not.toContain("ghp_");
    for (const step of steps.slice(0, died)) await step();
    await restoreFiles(notes);
    await restoreFiles(notes);
    expect([await now(), await readdir(root)]).toEqual([secret, ["Dockerfile"]]);
  }
});

test("a symbolic link is neither read nor followed", async () => {
  await writeFile(join(root, "other"), "FROM other\n");
  await symlink(join(root, "other"), place());
  const willMake = async (note: unknown) => void notes.push(note);
  await noteFiles({ root, files: [{ ...file, content: "FROM other\n" }] }, createRedactor(), { willMake });
  await restoreFiles(notes);
  expect(await readFile(join(root, "other"), "utf8")).toBe("FROM other\n");
});
