import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Script, constants } from "node:vm";
import { crc32 } from "node:zlib";
import { makeFolder } from "../make-folder.ts";

/**
 * A program whose compiled code is kept between its runs, so that a start neither parses nor compiles it.
 *
 * - K1  It is a cache and nothing else: what cannot be read, does not fit or cannot be written costs time, never the
 *       start.
 * - K2  Code is only taken from a file of this user that nobody else can write.
 * - K3  V8 believes what it is given, and dies of a damaged byte: both the program and the code carry a checksum.
 */
export interface CachedProgram {
  readonly script: Script;
  /** Whether the kept code was used. */
  readonly hit: boolean;
  /** Keeps the code that was compiled until now, where the kept one was not used. Takes some 20 ms. */
  save(): void;
}

const HEADER_BYTES = 8;
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Compiles a CommonJS file to a script whose value is the function that Node would wrap it in.
 *
 * @param folder where compiled code is kept; made when it is needed
 */
export function compileCached(file: string, folder: string): CachedProgram {
  const bytes = readFileSync(file);
  const sum = crc32(bytes);
  const kept = join(folder, `program-${process.version}-${process.arch}-${sum.toString(16).padStart(8, "0")}.v8`);
  const cachedData = readKept(kept, sum);
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${bytes.toString("utf8")}\n})`,
    {
      filename: file,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      ...(cachedData === undefined ? {} : { cachedData }),
    },
  );
  const hit = cachedData !== undefined && script.cachedDataRejected === false;
  return {
    script,
    hit,
    save() {
      if (hit) return;
      try {
        keep(kept, sum, script.createCachedData());
      } catch {
        // K1: a folder that cannot be written costs the next start its time, and that is all.
      }
    },
  };
}

/** K1 K2 K3 */
function readKept(path: string, sum: number): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { uid, mode } = fstatSync(file);
    const isOwn = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
    if (!isOwn) return undefined;
    const bytes = readFileSync(file);
    if (bytes.length <= HEADER_BYTES || bytes.readUInt32LE(0) !== sum) return undefined;
    const code = bytes.subarray(HEADER_BYTES);
    return crc32(code) === bytes.readUInt32LE(4) ? code : undefined;
  } catch {
    // K1: usually there is none yet.
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Puts the code in its place whole, and takes away what other versions left long ago. */
function keep(path: string, sum: number, code: Buffer): void {
  const folder = dirname(path);
  makeFolder(folder);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(sum, 0);
  header.writeUInt32LE(crc32(code), 4);
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, Buffer.concat([header, code]), { mode: 0o600, flag: "wx" });
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  for (const name of readdirSync(folder)) {
    const old = join(folder, name);
    if (name.startsWith("program-") && Date.now() - statSync(old).mtimeMs > KEPT_MS) rmSync(old, { force: true });
  }
}
