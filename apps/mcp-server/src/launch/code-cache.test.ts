import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compileCached } from "./code-cache.ts";

let home: string;
let folder: string;
let program: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "container-kit-code-"));
  folder = join(home, "cache");
  program = join(home, "program.js");
  await writeFile(program, "exports.answer = (() => [40, 2].reduce((a, b) => a + b))(); // é");
});

afterEach(() => rm(home, { recursive: true, force: true }));

/** Starts the program as a process would, and says whether the kept code was used. */
function start(): boolean {
  const { script, hit, save } = compileCached(program, folder);
  const exported: { answer?: number } = {};
  (script.runInThisContext() as (target: object) => void)(exported);
  expect(exported.answer).toBe(42);
  save();
  return hit;
}

const keptFile = async (): Promise<string> => join(folder, (await readdir(folder))[0] ?? "");

test("the second start uses what the first one compiled, and only this user can touch it", async () => {
  expect([start(), start()]).toEqual([false, true]);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  expect((await stat(await keptFile())).mode & 0o777).toBe(0o600);
});

test("a changed program of the same length does not run old code", async () => {
  start();
  await writeFile(program, "exports.answer = (() => [41, 1].reduce((a, b) => a + b))(); // é");
  expect(start()).toBe(false);
});

test.each<[string, (file: string) => Promise<void>]>([
  [
    "is damaged",
    async (file) => {
      const bytes = await readFile(file);
      bytes[Math.floor(bytes.length / 2)] = ~(bytes[Math.floor(bytes.length / 2)] ?? 0) & 0xff;
      await writeFile(file, bytes);
    },
  ],
  ["was cut short", async (file) => writeFile(file, (await readFile(file)).subarray(0, 100))],
  ["is empty", (file) => writeFile(file, "")],
  ["others can write", (file) => chmod(file, 0o666)],
])("code that %s is not used, and made anew", async (_what, spoil) => {
  start();
  await spoil(await keptFile());
  expect([start(), start()]).toEqual([false, true]);
});

test("a folder that cannot be made changes nothing but the time", async () => {
  await writeFile(folder, "a file");
  expect([start(), start()]).toEqual([false, false]);
});

test("what other versions left long ago is taken away", async () => {
  start();
  const old = join(folder, "program-v1.0.0-x64-00000000.v8");
  await writeFile(old, "");
  await utimes(old, 0, 0);
  await writeFile(program, "exports.answer = 42;");
  start();
  expect((await readdir(folder)).filter((name) => name.includes("v1.0.0"))).toEqual([]);
});
