import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { extract } from "tar-stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readIgnoreRules } from "./ignore.ts";
import { packContext } from "./pack.ts";
import { resolveContext } from "./resolve-context.ts";

let base: string;
let root: string;
const signal = new AbortController().signal;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "context-")));
  root = join(base, "context");
  await mkdir(root);
});

afterEach(() => rm(base, { recursive: true, force: true }));

async function tree(files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

interface Packed {
  readonly name: string;
  readonly type: string;
  readonly content: string;
  readonly linkname: string;
  readonly mode: number;
}

async function pack(replacements?: ReadonlyMap<string, string>): Promise<Packed[]> {
  const rules = await readIgnoreRules(root, "Dockerfile", { keepBuilderFiles: true });
  const entries: Packed[] = [];
  const reader = extract();
  const archive = packContext({ root, rules, signal, ...(replacements === undefined ? {} : { replacements }) });
  archive.on("error", (error) => reader.destroy(error));
  archive.pipe(reader);
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<Buffer>) chunks.push(chunk);
    const { name, type, linkname, mode } = entry.header;
    entries.push({
      name,
      type: type ?? "",
      content: Buffer.concat(chunks).toString("utf8"),
      linkname: linkname ?? "",
      mode: mode ?? 0,
    });
  }
  return entries;
}

const names = (entries: readonly Packed[]) => entries.map(({ name }) => name.replace(/\/$/, "")).sort();

test("files, folders and empty files are packed with their modes, in a fixed order", async () => {
  await tree({ Dockerfile: "FROM scratch", "b/2": "two", "b/1": "one", a: "" });
  await chmod(join(root, "a"), 0o755);
  const first = await pack();
  expect(names(first)).toEqual(["Dockerfile", "a", "b", "b/1", "b/2"]);
  expect(first.find(({ name }) => name === "a")).toMatchObject({ content: "", mode: 0o755 });
  expect(first.find(({ name }) => name === "b/2")).toMatchObject({ content: "two" });
  expect(await pack()).toEqual(first);
});

test("a replaced file is sent with the other content, and the disk keeps its own", async () => {
  await tree({ Dockerfile: "FROM node:20" });
  expect(await pack(new Map([["Dockerfile", "FROM other"]]))).toMatchObject([{ content: "FROM other" }]);
  expect(await pack()).toMatchObject([{ content: "FROM node:20" }]);
});

describe("symbolic links", () => {
  test("a link to a folder outside is sent as a link, and nothing behind it", async () => {
    await mkdir(join(base, "outside"));
    await writeFile(join(base, "outside", "secret"), "TOP-SECRET");
    await tree({ Dockerfile: "x" });
    await symlink(join(base, "outside"), join(root, "door"));
    await symlink(join(base, "outside", "secret"), join(root, "window"));
    const entries = await pack();
    expect(names(entries)).toEqual(["Dockerfile", "door", "window"]);
    expect(entries.find(({ name }) => name === "door")).toMatchObject({
      type: "symlink",
      linkname: join(base, "outside"),
    });
    expect(JSON.stringify(entries)).not.toContain("TOP-SECRET");
  });

  test("a folder that is swapped for a link while packing sends nothing from outside", async () => {
    await mkdir(join(base, "outside"));
    await writeFile(join(base, "outside", "file"), "SECRET");
    await tree({ "a-first": "x".repeat(4_000_000), "dir/file": "inside" });
    const rules = await readIgnoreRules(root, "Dockerfile", { keepBuilderFiles: true });
    const archive = packContext({ root, rules, signal });
    let text = "";
    let swapped = false;
    const read = async () => {
      for await (const chunk of archive as AsyncIterable<Buffer>) {
        text += chunk.toString("latin1");
        if (swapped || !text.includes("dir")) continue;
        swapped = true;
        await rename(join(root, "dir"), join(root, "gone"));
        await symlink(join(base, "outside"), join(root, "dir"));
      }
    };
    await read().catch(() => {});
    expect(swapped).toBe(true);
    expect(text).not.toContain("SECRET");
  });
});

describe("what cannot be sent", () => {
  test("a FIFO is an error that names it", async () => {
    await promisify(execFile)("mkfifo", [join(root, "pipe")]);
    await expect(pack()).rejects.toMatchObject({ code: "CONTEXT_INVALID", message: expect.stringContaining("pipe") });
  });

  test("an ignored FIFO is no error", async () => {
    await promisify(execFile)("mkfifo", [join(root, "pipe")]);
    await tree({ ".dockerignore": "pipe", Dockerfile: "x" });
    expect(names(await pack())).toEqual([".dockerignore", "Dockerfile"]);
  });

  test("a socket is left out", async () => {
    const server = createServer().listen(join(root, "sock"));
    try {
      await tree({ Dockerfile: "x" });
      expect(names(await pack())).toEqual(["Dockerfile"]);
    } finally {
      server.close();
    }
  });
});

describe("resolveContext", () => {
  test("a Dockerfile in a subfolder is named relative to the context", async () => {
    await tree({ "docker/prod.Dockerfile": "x" });
    expect(await resolveContext(root, "docker/prod.Dockerfile")).toEqual({
      root,
      dockerfile: "docker/prod.Dockerfile",
    });
  });

  test.each([
    ["a missing context", "nothing", undefined, "NOT_FOUND"],
    ["a missing Dockerfile", "context", undefined, "NOT_FOUND"],
    ["a file as context", "file", undefined, "CONTEXT_INVALID"],
    ["a Dockerfile outside", "context", "../file", "CONTEXT_INVALID"],
  ])("%s is refused", async (_what, context, dockerfile, code) => {
    await writeFile(join(base, "file"), "x");
    await expect(resolveContext(join(base, context), dockerfile)).rejects.toMatchObject({ code });
  });

  test("a FIFO in place of the Dockerfile or the ignore file is refused and never waited for", async () => {
    await promisify(execFile)("mkfifo", [join(root, "Dockerfile"), join(root, ".dockerignore")]);
    await expect(resolveContext(root)).rejects.toMatchObject({ code: "CONTEXT_INVALID" });
    await expect(readIgnoreRules(root, "Dockerfile", { keepBuilderFiles: true })).rejects.toMatchObject({
      code: "CONTEXT_INVALID",
    });
  });

  test("a Dockerfile that is a link to outside is refused", async () => {
    await writeFile(join(base, "elsewhere"), "FROM scratch");
    await symlink(join(base, "elsewhere"), join(root, "Dockerfile"));
    await expect(resolveContext(root)).rejects.toMatchObject({ code: "CONTEXT_INVALID" });
  });
});
