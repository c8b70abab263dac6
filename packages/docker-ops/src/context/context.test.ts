import { execFile } from "node:child_process";
import { chmod, chown, link, mkdir, rename, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, test } from "vitest";
import { bytesOf, useContextFolder } from "../../test/context-folder.ts";
import { readArchive } from "../../test/docker-cli.ts";
import type { ArchiveEntry } from "../../test/docker-cli.ts";
import { resolveContext } from "./resolve-context.ts";
import { walkContext } from "./walk.ts";

let base: string;
let root: string;
const signal = new AbortController().signal;

const folder = useContextFolder();

beforeEach(() => {
  base = folder.base();
  root = folder.root();
});

async function tree(files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) await folder.put(`context/${path}`, content);
}

async function pack(replacements?: ReadonlyMap<string, string>): Promise<ArchiveEntry[]> {
  return readArchive(await folder.pack(replacements));
}

const names = (entries: readonly ArchiveEntry[]) => entries.map(({ name }) => name).sort();

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
      link: join(base, "outside"),
    });
    expect(JSON.stringify(entries)).not.toContain("TOP-SECRET");
  });

  test("a folder that is swapped for a link while packing sends nothing from outside", async () => {
    await mkdir(join(base, "outside"));
    await writeFile(join(base, "outside", "file"), "SECRET");
    await tree({ "a-first": "x".repeat(4_000_000), "dir/file": "inside" });
    const archive = await folder.pack();
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

describe("the archive", () => {
  test("of the same tree is the same to the byte, whoever owns it and whenever it was touched", async () => {
    await tree({ Dockerfile: "x", "b/large": "l".repeat(200_000), "b/2": "2", "a b/ü": "u" });
    await symlink("b/2", join(root, "link"));
    const first = await bytesOf(await folder.pack());
    for (const path of ["Dockerfile", "b", "b/2", "b/large", "."]) {
      await utimes(join(root, path), 1_000_000_000, 1_000_000_000);
      if (process.geteuid?.() === 0) await chown(join(root, path), 1234, 1234);
    }
    expect((await bytesOf(await folder.pack())).equals(first)).toBe(true);
  });

  test("is one that tar itself reads", async () => {
    const long = `${"d".repeat(90)}/${"é".repeat(120)}/${"f".repeat(250)}`;
    await tree({ Dockerfile: "x", [long]: "long", "new\nline": "n" });
    await symlink("t".repeat(300), join(root, "far"));
    const file = join(base, "context.tar");
    await writeFile(file, await bytesOf(await folder.pack()));
    const { stdout } = await promisify(execFile)("tar", ["--quoting-style=literal", "-tf", file], {
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    });
    expect(stdout).toContain(`${long}\n`);
    expect(stdout).toContain("new\nline\n");
    expect((await pack()).find(({ name }) => name === "far")).toMatchObject({ link: "t".repeat(300) });
  });

  test("keeps special bits and a mode of nothing, and holds hard links as files of their own", async () => {
    await tree({ setuid: "s", none: "n", one: "same" });
    await chmod(join(root, "setuid"), 0o6755);
    await link(join(root, "one"), join(root, "two"));
    if (process.geteuid?.() === 0) await chmod(join(root, "none"), 0);
    const entries = await pack();
    expect(entries.find(({ name }) => name === "setuid")).toMatchObject({ mode: 0o6755 });
    if (process.geteuid?.() === 0) expect(entries.find(({ name }) => name === "none")).toMatchObject({ mode: 0 });
    expect(entries.filter(({ content }) => content === "same")).toMatchObject([
      { name: "one", type: "file" },
      { name: "two", type: "file" },
    ]);
  });

  test("holds links that lead in circles as the links that they are", async () => {
    await mkdir(join(root, "a"));
    await symlink("..", join(root, "a", "up"));
    await symlink("self", join(root, "self"));
    expect(names(await pack())).toEqual(["a", "a/up", "self"]);
  });

  test("of a tree three hundred folders deep is whole", async () => {
    const deep = Array.from({ length: 300 }, () => "d").join("/");
    await tree({ [`${deep}/file`]: "deep" });
    expect((await pack()).at(-1)).toMatchObject({ name: `${deep}/file`, content: "deep" });
  });

  test("of a file beyond eight GiB says its size in a record, and is streamed", async () => {
    const size = 9 * 1024 ** 3;
    await writeFile(join(root, "sparse"), "");
    await truncate(join(root, "sparse"), size);
    const archive = await folder.pack();
    const { value } = (await archive[Symbol.asyncIterator]().next()) as { value: Buffer };
    archive.destroy();
    expect(value.toString("latin1")).toContain(`size=${size}\n`);
    expect(value.length).toBeLessThan(1_000_000);
  });
});

describe("ignore files", () => {
  const rulesOf = async (text: string) => {
    await tree({ ".dockerignore": text });
    return folder.rules({ keepBuilderFiles: false });
  };

  test.each([
    ["a class that does not end", "ok\n[ab", 2],
    ["a backslash at the end", "a\\", 1],
    ["nothing after the `!`", "# a\n\n!", 3],
    ["a range of nothing", "[z-a]", 1],
    ["a letter that has no meaning", "a\\qb", 1],
    ["a line that no docker reads", `x\n${"a".repeat(70_000)}`, 2],
  ])("with %s are refused with the line", async (_what, text, line) => {
    await expect(rulesOf(text)).rejects.toMatchObject({
      code: "CONTEXT_INVALID",
      message: expect.stringContaining(`line ${line} `),
      details: { line },
    });
  });

  test("let BuildKit find what a `!` pattern with wildcards wants below an ignored folder, and list the folder", async () => {
    await tree({ ".dockerignore": "*\n!**/*.md\n", "a/b/x.md": "", "a/y.txt": "", Dockerfile: "" });
    const rules = await folder.rules({ keepBuilderFiles: false });
    const listed: string[] = [];
    for await (const { path } of walkContext(root, rules, signal)) listed.push(path);
    expect(listed).toEqual(["a", "a/b", "a/b/x.md"]);
  });

  test.each([
    ["a*b", ["ab", "axb", "aéb"], ["a", "b", "ba", "axbc", "xab"]],
    ["**/x*y", ["xy", "a/xzy", "xyy"], ["x", "ay", "a/y", "xyz"]],
    ["ab?", ["abc", "abé"], ["ab", "abcd", "xabc"]],
    ["?\u{1F600}", ["a\u{1F600}"], ["\u{1F600}", "a\u{1F601}"]],
    ["a*a", ["aa", "aba"], ["a"]],
    ["a|*b", ["ax", "xb"], ["xc"]],
    ["ab{2}*", ["abb", "abbc"], ["ab", "aab"]],
    ["a\\bc*", [], ["abc", "ac"]],
  ])("of %s take what they mean and nothing else", async (pattern, taken, left) => {
    const rules = await rulesOf(pattern);
    for (const path of taken) expect(rules.judge(path, null).ignored, path).toBe(true);
    for (const path of left) expect(rules.judge(path, null).ignored, path).toBe(false);
  });

  test("by the thousand leave others their turn while they are matched", async () => {
    await tree(Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`f${index}`, ""])));
    let turn = 0;
    let counting = true;
    const count = () => {
      turn += 1;
      if (counting) setImmediate(count);
    };
    count();
    const turns: number[] = [];
    const judge = () => {
      const until = performance.now() + 11;
      while (performance.now() < until);
      turns.push(turn);
      return { ignored: true, matched: [] };
    };
    const rules = { judge, entersIgnored: () => false, listsParents: false };
    const listed: string[] = [];
    for await (const { path } of walkContext(root, rules, signal)) listed.push(path);
    counting = false;
    expect(listed).toEqual([]);
    expect(new Set(turns).size).toBe(8);
  });

  test("with a pattern made to take for ever are matched all the same", async () => {
    const rules = await rulesOf(`${"*a".repeat(40)}b\n${"**/".repeat(40)}*x\n`);
    expect(rules.judge("a".repeat(255), null).ignored).toBe(false);
    expect(rules.judge(`${"a/".repeat(100)}y`, null).ignored).toBe(false);
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

  test("a name that is not UTF-8 is an error that shows its bytes, and none when it is ignored", async () => {
    await writeFile(Buffer.concat([Buffer.from(join(root, "caf")), Buffer.from([0xe9])]), "x");
    await expect(pack()).rejects.toMatchObject({
      code: "CONTEXT_INVALID",
      message: expect.stringContaining("caf\\xe9"),
    });
    await tree({ ".dockerignore": "caf?" });
    expect(names(await pack())).toEqual([".dockerignore"]);
  });

  test.skipIf(process.geteuid?.() !== 0)("a device is an error that names it", async () => {
    await promisify(execFile)("mknod", [join(root, "null"), "c", "1", "3"]);
    await expect(pack()).rejects.toMatchObject({ code: "CONTEXT_INVALID", message: expect.stringContaining("null") });
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
  test("a context that is a link is the folder that it leads to", async () => {
    await tree({ Dockerfile: "x" });
    await symlink(root, join(base, "link"));
    expect(await resolveContext(join(base, "link"))).toMatchObject({ root });
  });

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
    await expect(folder.rules()).rejects.toMatchObject({
      code: "CONTEXT_INVALID",
    });
  });

  test("a Dockerfile that is a link to outside is refused", async () => {
    await writeFile(join(base, "elsewhere"), "FROM scratch");
    await symlink(join(base, "elsewhere"), join(root, "Dockerfile"));
    await expect(resolveContext(root)).rejects.toMatchObject({ code: "CONTEXT_INVALID" });
  });
});
