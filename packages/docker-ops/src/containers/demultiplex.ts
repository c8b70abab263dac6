import type { Readable } from "node:stream";

const HEADER = 8;
/** Log text that is kept; the rest is read and dropped. */
const LARGEST = 64 * 1024;

/**
 * Reads a container's log, in which stdout and stderr are interleaved in frames of an 8 byte header (stream, 0, 0, 0,
 * length as 32 bit big endian) and their bytes (Engine API, "Stream format"). A log without frames (a TTY) is taken as
 * it is.
 */
export async function demultiplex(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (size < LARGEST) chunks.push(chunk);
    size += chunk.length;
  }
  const all = Buffer.concat(chunks);
  const frames: Buffer[] = [];
  for (let position = 0; position + HEADER <= all.length;) {
    const isFrame = (all[position] ?? 9) <= 2 && all.readUIntBE(position + 1, 3) === 0;
    if (!isFrame) return all.toString("utf8");
    const length = all.readUInt32BE(position + 4);
    frames.push(all.subarray(position + HEADER, position + HEADER + length));
    position += HEADER + length;
  }
  return Buffer.concat(frames).toString("utf8");
}
