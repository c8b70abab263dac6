/** What happens to a context that changes, or cannot be read, while it is sent. */
import { execFile, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chmod, rename, rm, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { isKitError } from "@container-kit/errors";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bytesOf, useContextFolder } from "../../test/context-folder.ts";
import { openEntry } from "./open-entry.ts";
import { walkContext } from "./walk.ts";
import type { ContextEntry } from "./walk.ts";

let base: string;
let root: string;
const { signal } = new AbortController();
const LARGE = "x".repeat(300_000);

const { put, rules, pack, ...folder } = useContextFolder();

beforeEach(() => {
  base = folder.base();
  root = folder.root();
});

async function list(): Promise<ContextEntry[]> {
  const entries: ContextEntry[] = [];
  const kept = await rules({ keepBuilderFiles: false });
  for await (const entry of walkContext(root, kept, signal)) entries.push(entry);
  return entries;
}

async function readAll(entry: ContextEntry): Promise<string> {
  const content = await openEntry(root, entry);
  if (Buffer.isBuffer(content)) return content.toString();
  let text = "";
  for await (const chunk of content) text += chunk.toString();
  return text;
}

async function archive(): Promise<Buffer> {
  return bytesOf(await pack());
}

const changes: [string, (file: string) => Promise<unknown>][] = [
  ["vanishes", (file) => rm(file)],
  ["grows", (file) => writeFile(file, "more", { flag: "a" })],
  ["shrinks", (file) => truncate(file, 3)],
  ["gets other content of the same length", async (file) => writeFile(file, "y".repeat((await stat(file)).size))],
  [
    "is replaced by another of the same length and time",
    async (file) => {
      const { size, mtime, atime } = await stat(file);
      await writeFile(`${file}.new`, "y".repeat(size));
      await utimes(`${file}.new`, atime, mtime);
      await rename(`${file}.new`, file);
    },
  ],
  [
    "becomes a link to outside",
    async (file) => {
      await rm(file);
      await symlink(await put("outside", "CANARY"), file);
    },
  ],
  [
    "becomes a FIFO",
    async (file) => {
      await rm(file);
      await promisify(execFile)("mkfifo", [file]);
    },
  ],
  [
    "has its folder swapped for a link to outside",
    async (file) => {
      await put("elsewhere/file", "z".repeat((await stat(file)).size));
      await rename(dirname(file), join(base, "moved"));
      await symlink(join(base, "elsewhere"), dirname(file));
    },
  ],
];

describe.each([
  ["a small file", "content"],
  ["a large file", LARGE],
])("%s", (_size, content) => {
  test.each(changes)("that %s after it was listed is an error that names it", async (_what, change) => {
    const file = await put("context/folder/file", content);
    const entry = (await list()).find(({ type }) => type === "file");
    expect(entry).toBeDefined();
    // A file system's clock moves in steps of some milliseconds, and times within a step are the same.
    await sleep(20);
    await change(file);
    await expect(readAll(entry as ContextEntry)).rejects.toMatchObject({
      code: "CONTEXT_INVALID",
      message: expect.stringContaining("folder"),
    });
  });
});

test("a large file that changes in the middle of being read is an error before its last byte", async () => {
  const file = await put("context/file", LARGE);
  const [entry] = await list();
  const content = await openEntry(root, entry as ContextEntry);
  let bytes = 0;
  const read = async () => {
    for await (const chunk of content as AsyncIterable<Buffer>) {
      if (bytes === 0) {
        await sleep(20);
        await writeFile(file, "y".repeat(LARGE.length));
      }
      bytes += chunk.length;
    }
  };
  await expect(read()).rejects.toMatchObject({ code: "CONTEXT_INVALID" });
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(LARGE.length);
});

describe("as a user who may not read everything", () => {
  const isRoot = process.geteuid?.() === 0;

  beforeEach(async () => {
    await chmod(base, 0o755);
    if (isRoot) process.seteuid?.(65_534);
  });

  const asBefore = () => {
    if (isRoot) process.seteuid?.(0);
  };
  afterEach(asBefore);

  const make = async (path: string, secret: string) => {
    asBefore();
    await put(path, "secret");
    await chmod(join(base, secret), 0);
    if (isRoot) process.seteuid?.(65_534);
  };

  test.each([
    ["file", "context/locked", "locked"],
    ["folder", "context/locked/file", "locked"],
  ])("a %s that may not be read is an error that says so, and none when it is ignored", async (_what, path, name) => {
    await make(path, `context/${name}`);
    await expect(archive()).rejects.toMatchObject({
      code: "CONTEXT_INVALID",
      message: expect.stringMatching(/locked.*permission denied/),
    });
    asBefore();
    await put("context/.dockerignore", "locked\n");
    if (isRoot) process.seteuid?.(65_534);
    expect((await archive()).includes("secret")).toBe(false);
    asBefore();
    await chmod(join(root, name), 0o755);
  });
});

/** How many files this process has open; none where the system does not say. */
function openDescriptors(): number {
  return existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0;
}

/** Swaps folders and files of the context for links to the canary and back, as fast as it can, until it is ended. */
const SWAPPER = `
const { renameSync, symlinkSync, unlinkSync } = require("node:fs");
const [root, outside, moved, ...names] = process.argv.slice(1);
let swaps = 0;
process.on("SIGTERM", () => { process.stdout.write(String(swaps)); process.exit(0); });
const round = () => {
  for (let at = 0; at < 50; at += 1) {
    const name = names[swaps % names.length];
    renameSync(root + "/" + name, moved);
    symlinkSync(outside + "/" + name, root + "/" + name);
    unlinkSync(root + "/" + name);
    renameSync(moved, root + "/" + name);
    swaps += 1;
  }
  setImmediate(round);
};
round();
`;

/** `pnpm chaos` asks for more. */
const ROUNDS = Number(process.env["CONTAINER_KIT_CHAOS"] ?? 150);

test(
  "folders and files that are swapped for links to outside while they are listed and read show no byte from there",
  async () => {
    const files = Array.from({ length: 12 }, (_, index) => `d${index % 3}/e/f${index}`);
    for (const file of files) {
      await put(`context/${file}`, "inside--");
      await put(`outside/${file}`, "CANARY--");
    }
    const names = ["d0", "d1", "d0/e", "d2/e", "d2/e/f2", "d1/e/f1"];
    const swapper = spawn(process.execPath, [
      "-e",
      SWAPPER,
      root,
      join(base, "outside"),
      join(base, "moved"),
      ...names,
    ]);
    let printed = "";
    swapper.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    swapper.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    let [whole, noticed, canaries] = [0, 0, 0];
    const descriptors = openDescriptors();
    const look = (found: string) => {
      if (found.includes("CANARY")) canaries += 1;
      whole += 1;
    };
    const refuse = (error: unknown) => {
      if (!isKitError(error, "CONTEXT_INVALID")) throw error;
      noticed += 1;
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      await archive().then((bytes) => look(bytes.toString("latin1")), refuse);
      // As BuildKit has it: everything is listed, then files are asked for at once.
      const entries = await list().catch((error: unknown): ContextEntry[] => {
        refuse(error);
        return [];
      });
      const wanted = entries.filter(({ type }) => type === "file");
      await Promise.all(wanted.map((entry) => readAll(entry).then(look, refuse)));
    }
    expect(openDescriptors()).toBeLessThanOrEqual(descriptors);
    const ended = new Promise((resolve) => swapper.once("exit", resolve));
    swapper.kill();
    await ended;
    expect(canaries).toBe(0);
    expect(Number(printed)).toBeGreaterThan(ROUNDS);
    expect(noticed).toBeGreaterThan(0);
    expect(whole).toBeGreaterThan(0);
  },
  60_000 + ROUNDS * 100,
);
