/** Tells whether a tar archive that passes by is whole, without keeping it. */

const BLOCK = 512;

export interface TarFollower {
  take(chunk: Buffer): void;
  /** The archive's own end has come: two blocks of zeros where a header was due (POSIX pax, "ustar Interchange Format"). */
  isWhole(): boolean;
  /** What came where a header was due and is none, as text. */
  rest(): string;
}

export function followTar(): TarFollower {
  let header = Buffer.alloc(0);
  /** Bytes of the entry's content that are still to come, with its padding. */
  let content = 0;
  let zeros = 0;
  return {
    take: (chunk) => {
      for (let at = 0; at < chunk.length && zeros < 2;) {
        if (content > 0) {
          const step = Math.min(content, chunk.length - at);
          content -= step;
          at += step;
          continue;
        }
        const part = chunk.subarray(at, at + BLOCK - header.length);
        header = Buffer.concat([header, part]);
        at += part.length;
        if (header.length < BLOCK) return;
        const isZero = header.every((byte) => byte === 0);
        zeros = isZero ? zeros + 1 : 0;
        const size = isZero ? 0 : sizeOf(header);
        // What is no header has no end that could be found.
        if (size === null) content = Infinity;
        else {
          content = Math.ceil(size / BLOCK) * BLOCK;
          header = Buffer.alloc(0);
        }
      }
    },
    isWhole: () => zeros === 2,
    rest: () => header.toString("utf8"),
  };
}

/** The size field: octal text, or binary where the first bit is set (GNU and star, for more than 8 GiB). */
function sizeOf(header: Buffer): number | null {
  if (((header[124] ?? 0) & 0x80) !== 0) return Number(header.readBigUInt64BE(128));
  const text = header.toString("latin1", 124, 136).replace(/[\0 ]+$/, "");
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : null;
}
