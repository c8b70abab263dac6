/**
 * Whether SQLite's locks can be relied on where a store is to lie.
 *
 * - N1  A network file system, or one that may be one, is refused: a write-ahead log needs memory that all its users share.
 */
import { statfsSync } from "node:fs";
import { fail } from "./errors.ts";

/** The kinds as statfs(2) tells them. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x65735546, "FUSE"],
  [0x01021997, "9p"],
  [0x00c36400, "Ceph"],
  [0x6a656a63, "virtiofs"],
]);

/** Tells the kind of the file system of a folder. */
export type FileSystemKind = (folder: string) => number;

const askSystem: FileSystemKind = (folder) => statfsSync(folder).type;

/** @throws STORE_UNAVAILABLE */
export function refuseNetworkFileSystem(folder: string, kindOf: FileSystemKind = askSystem): void {
  // Some systems tell the kind as a signed number.
  const name = NETWORK_FILE_SYSTEMS.get(kindOf(folder) >>> 0);
  if (name === undefined) return;
  throw fail("STORE_UNAVAILABLE", `${folder} lies on ${name}, where the locks of SQLite may not hold`, {
    remedy: "Put the store on a local disk, or allow network file systems if only one machine ever uses it.",
    details: { folder, fileSystem: name },
  });
}
