import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSecrets } from "./secrets.ts";

const folder = mkdtempSync(join(tmpdir(), "build-secrets-"));
const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const none = { env: {}, learnSecret: () => {} };

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("values come byte for byte, and whoever redacts learns them whole and by line", async () => {
  const learned: string[] = [];
  const bytes = Buffer.from([0, 255, 10, 128]);
  const read = await readSecrets(
    [
      { id: "a", from: "env:A" },
      { id: "b", from: `file:${file("b", "line-one\nshort\nline-two\n")}` },
      { id: "c", from: `file:${file("c", bytes)}` },
    ],
    { env: { A: "value of a" }, learnSecret: (secret) => learned.push(secret.reveal()) },
  );
  expect(Buffer.from(read.get("a")?.() ?? []).toString()).toBe("value of a");
  expect(Buffer.from(read.get("c")?.() ?? [])).toEqual(bytes);
  expect(learned).toEqual(
    expect.arrayContaining(["value of a", "line-one\nshort\nline-two\n", "line-one", "line-two"]),
  );
  expect(learned).not.toContain("short");
  expect(read.get("d")).toBeUndefined();
});

test.each([
  ["an unset variable", { id: "x", from: "env:NOPE" }, "NOPE"],
  ["a missing file", { id: "x", from: `file:${folder}/nope` }, "nope"],
  ["a folder", { id: "x", from: `file:${folder}` }, "ordinary"],
  ["no kind", { id: "x", from: "CANARY-VALUE" }, "env:NAME or file:PATH"],
  ["no id", { id: "", from: "env:A" }, "id"],
])("%s is invalid input, named and not quoted", async (_what, secret, text) => {
  const failure = readSecrets([secret], none);
  await expect(failure).rejects.toMatchObject({ code: "INVALID_INPUT", message: expect.stringContaining(text) });
  await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining("CANARY") });
});

test("more than BuildKit takes, a FIFO, and an id given twice are refused", async () => {
  const large = file("large", Buffer.alloc(500 * 1024 + 1));
  execFileSync("mkfifo", [join(folder, "pipe")]);
  await expect(readSecrets([{ id: "x", from: `file:${large}` }], none)).rejects.toThrow("larger");
  await expect(readSecrets([{ id: "x", from: `file:${folder}/pipe` }], none)).rejects.toThrow("ordinary");
  const twice = { id: "x", from: "env:A" };
  await expect(readSecrets([twice, twice], { ...none, env: { A: "aaaaaa" } })).rejects.toThrow("twice");
});
