import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { watchSource } from "./archive-source.ts";

test("a file that is missing is told as such, however late it is looked at, and ends no process", async () => {
  const archive = createReadStream("/nowhere/archive.tar");
  const source = watchSource(archive);
  await new Promise((resolve) => archive.once("close", () => resolve(undefined)));
  await expect(source.own(() => Promise.resolve())).rejects.toMatchObject({ code: "NOT_FOUND", retryable: false });
});

test("a folder is no archive, and the engine is not blamed for it", async () => {
  const archive = createReadStream("/");
  const run = async (bytes: Readable) => {
    const closed = new Promise((resolve) => bytes.once("close", resolve));
    bytes.resume();
    await closed;
    throw new Error("the engine hung up");
  };
  await expect(watchSource(archive).own(run)).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

test("a path in place of a stream is refused", () => {
  expect(() => watchSource("/x.tar" as unknown as Readable)).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT" }),
  );
});

test("a stream of objects that gives bytes is taken, and one that gives objects is refused", async () => {
  expect(await watchSource(Readable.from(["a", Buffer.from("b")])).own((bytes) => text(bytes))).toBe("ab");
  await expect(watchSource(Readable.from([{ a: 1 }])).own((bytes) => text(bytes))).rejects.toMatchObject({
    code: "INVALID_INPUT",
  });
});

test("what goes wrong elsewhere stays what it is", async () => {
  const boom = new Error("boom");
  await expect(
    watchSource(Readable.from(Buffer.from("x"), { objectMode: false })).own(() => Promise.reject(boom)),
  ).rejects.toBe(boom);
});
