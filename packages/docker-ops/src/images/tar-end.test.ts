import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { expect, test } from "vitest";
import { followTar } from "./tar-end.ts";

/** With an entry that is empty, one of whole blocks of zeros (as an archive inside ends) and one with padding. */
async function archive(): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: "folder", type: "directory" });
  tar.entry({ name: "zeros" }, Buffer.alloc(2048));
  tar.entry({ name: "text" }, "x".repeat(700));
  tar.entry({ name: `${"long/".repeat(60)}name` }, "y");
  tar.finalize();
  return buffer(tar);
}

function follow(bytes: Buffer, size: number) {
  const tar = followTar();
  for (let at = 0; at < bytes.length; at += size) tar.take(bytes.subarray(at, at + size));
  return tar;
}

test("an archive is whole once its own end has come, however it is cut, and not before", async () => {
  const bytes = await archive();
  for (const size of [1, 7, 511, 512, 513, bytes.length]) {
    expect(follow(bytes, size).isWhole()).toBe(true);
    expect(follow(bytes.subarray(0, -1), size).isWhole()).toBe(false);
  }
  for (let length = 0; length < bytes.length; length += 256) {
    expect(follow(bytes.subarray(0, length), 100).isWhole(), `${length} bytes`).toBe(false);
  }
});

test("what is no header is given out as text, and never taken for an end", async () => {
  const bytes = await archive();
  const tar = follow(Buffer.concat([bytes.subarray(0, 512), Buffer.from('{"error":"boom"}')]), 100);
  expect([tar.isWhole(), tar.rest()]).toEqual([false, '{"error":"boom"}']);
  expect(follow(Buffer.concat([Buffer.alloc(512, "x"), bytes]), 512).isWhole()).toBe(false);
});

test("a size of more than eight gigabytes is read in its binary form", () => {
  const header = Buffer.alloc(512);
  header.write("large");
  header[124] = 0x80;
  header.writeBigUInt64BE(2n ** 33n, 128);
  const tar = follow(Buffer.concat([header, Buffer.alloc(4096)]), 512);
  expect([tar.isWhole(), tar.rest()]).toEqual([false, ""]);
});
