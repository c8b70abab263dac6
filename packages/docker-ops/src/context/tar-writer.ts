/**
 * Writes the headers of a tar archive (POSIX.1-2001 `pax`): as much as a build context needs.
 *
 * What a plain header cannot hold (a name of more than 100 bytes or beyond ASCII, such a link, a size from 8 GiB on)
 * stands in a PAX record before it. Owner and time are fixed, so that the same entries give the same bytes.
 */

export interface TarHeader {
  readonly name: string;
  readonly type: "file" | "directory" | "symlink";
  readonly mode: number;
  readonly size: number;
  readonly target?: string;
}

const BLOCK = 512;
const LONGEST = 100;
/** Eleven octal digits. */
const LARGEST = 0o77777777777;
/** 1980-01-01 in seconds: the earliest time that every archive format can hold. */
const FIXED_TIME = 315_532_800;
const TYPE = { file: "0", directory: "5", symlink: "2", pax: "x" } as const;

/** The header of an entry, with its PAX record where it needs one. */
export function tarHeader({ name, type, mode, size, target = "" }: TarHeader): Buffer {
  // Go's reader, and so the engine, knows a folder by its type; the slash is what the docker CLI writes.
  const path = type === "directory" ? `${name}/` : name;
  const records = [
    fits(path) ? "" : record("path", path),
    fits(target) ? "" : record("linkpath", target),
    size <= LARGEST ? "" : record("size", String(size)),
  ].join("");
  const plain = block({ name: path, type: TYPE[type], mode, size: size <= LARGEST ? size : 0, target });
  if (records === "") return plain;
  const body = Buffer.from(records);
  return Buffer.concat([
    block({ name: "PaxHeader", type: TYPE.pax, mode: 0o644, size: body.length, target: "" }),
    body,
    tarPadding(body.length),
    plain,
  ]);
}

/** What fills the last block of a content. */
export function tarPadding(size: number): Buffer {
  return ZEROS.subarray(0, (BLOCK - (size % BLOCK)) % BLOCK);
}

/** What ends an archive. */
export function tarEnd(): Buffer {
  return ZEROS;
}

const ZEROS = Buffer.alloc(2 * BLOCK);

function fits(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- ASCII begins with control characters
  return text.length <= LONGEST && /^[\x01-\x7f]*$/.test(text);
}

/** `LENGTH KEY=VALUE\n`, where the length counts its own digits. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  let length = bytes + String(bytes).length;
  if (bytes + String(length).length !== length) length = bytes + String(length).length;
  return `${length}${rest}`;
}

interface Block {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly size: number;
  readonly target: string;
}

function block({ name, type, mode, size, target }: Block): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, LONGEST, "utf8");
  header.write(octal(mode, 7), 100, "latin1");
  header.write(octal(0, 7), 108, "latin1");
  header.write(octal(0, 7), 116, "latin1");
  header.write(octal(size, 11), 124, "latin1");
  header.write(octal(FIXED_TIME, 11), 136, "latin1");
  // The checksum counts its own field as spaces.
  header.write("        ", 148, "latin1");
  header.write(type, 156, "latin1");
  header.write(target, 157, LONGEST, "utf8");
  header.write("ustar\u000000", 257, "latin1");
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
