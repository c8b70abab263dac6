/**
 * Sends a folder to BuildKit: the sending side of `moby.filesync.v1.FileSync/DiffCopy` (buildkit session/filesync,
 * tonistiigi/fsutil).
 *
 * The sender lists everything first, folders before what is in them, in the order of path components; the receiver asks
 * for the files that it wants by their place in that list; both sides end with FIN.
 */
import { changed } from "../../context/open-entry.ts";
import type { EntryContent } from "../../context/open-entry.ts";
import type { ContextEntry } from "../../context/walk.ts";
import { readFields } from "../protobuf.ts";
import type { GrpcCall } from "./grpc.ts";
import { bytesField, messageField, varintField } from "./wire.ts";

/** What is offered: the entries in order, and how a file is opened. */
export interface OfferedFolder {
  entries(): AsyncIterable<ContextEntry>;
  /** The content of a file. */
  open(entry: ContextEntry): Promise<string | EntryContent>;
}

const PACKET = { stat: 0, request: 1, data: 2, fin: 3, error: 4 } as const;
const CHUNK = 32 * 1024;
/** Files that are read and sent at the same time. */
const AT_ONCE = 32;
/** Nanoseconds of 1980-01-01: times are fixed, so that an unchanged tree is the same tree. */
const FIXED_TIME_NS = 315_532_800_000_000_000;

/** Bits of Go's `os.FileMode`, which is what the stat carries. */
const MODE = { directory: 2 ** 31, symlink: 2 ** 27, setuid: 2 ** 23, setgid: 2 ** 22, sticky: 2 ** 20 } as const;

/** Answers one DiffCopy call with this folder. @throws whatever listing or reading throws */
export function sendFolder(call: GrpcCall, folder: OfferedFolder): Promise<void> {
  return new Promise((resolve, reject) => {
    const files = new Map<number, ContextEntry>();
    // A failure ends the call at once: the engine, waiting for the list or for a file, may say nothing more.
    sendListing(call, folder, files).catch(reject);
    serveRequests({ call, folder, files, reject }).then(resolve, reject);
  });
}

interface Serving {
  readonly call: GrpcCall;
  readonly folder: OfferedFolder;
  /** What was listed, by its place in the list. */
  readonly files: Map<number, ContextEntry>;
  readonly reject: (error: unknown) => void;
}

/** Sends what is asked for, several files at once. */
async function serveRequests({ call, folder, files, reject }: Serving): Promise<void> {
  const sending = new Set<Promise<void>>();
  for await (const message of call.messages) {
    const { type, id } = readPacket(message);
    if (type === PACKET.error) throw new Error("the engine gave up on the context");
    if (type === PACKET.fin) {
      await Promise.all(sending);
      await call.send(packet(PACKET.fin));
      return;
    }
    const entry = files.get(id);
    if (type !== PACKET.request || entry === undefined)
      throw new Error("the engine asked for a file that was not offered");
    const file = folder.open(entry).then((content) => sendFile(call, { id, entry, content }));
    sending.add(file);
    file.then(() => sending.delete(file), reject);
    if (sending.size >= AT_ONCE) await Promise.race(sending);
  }
}

async function sendListing(call: GrpcCall, folder: OfferedFolder, files: Map<number, ContextEntry>): Promise<void> {
  let id = 0;
  for await (const entry of folder.entries()) {
    if (entry.type === "file") files.set(id, entry);
    id += 1;
    await call.send(Buffer.concat([varintField(1, PACKET.stat), messageField(2, stat(entry))]));
  }
  await call.send(packet(PACKET.stat));
}

interface RequestedFile {
  readonly id: number;
  readonly entry: ContextEntry;
  readonly content: string | EntryContent;
}

/** @throws CONTEXT_INVALID when the file is not as long as it was listed: half a file is never sent as whole */
async function sendFile(call: GrpcCall, { id, entry, content }: RequestedFile): Promise<void> {
  const beginning = Buffer.concat([varintField(1, PACKET.data), varintField(3, id)]);
  let sent = 0;
  const send = async (bytes: Buffer) => {
    sent += bytes.length;
    for (let at = 0; at < bytes.length; at += CHUNK)
      await call.send(Buffer.concat([beginning, bytesField(4, bytes.subarray(at, at + CHUNK))]));
  };
  if (typeof content === "string") await send(Buffer.from(content));
  else if (Buffer.isBuffer(content)) await send(content);
  else for await (const chunk of content) await send(chunk);
  if (sent !== entry.size) throw changed(entry);
  // No more of it.
  await call.send(beginning);
}

function packet(type: number): Buffer {
  return varintField(1, type);
}

function readPacket(message: Uint8Array): { type: number; id: number } {
  let type = 0;
  let id = 0;
  for (const field of readFields(message)) {
    if (field.number === 1) type = field.value;
    if (field.number === 3) id = field.value;
  }
  return { type, id };
}

function stat(entry: ContextEntry): Buffer {
  return Buffer.concat([
    bytesField(1, entry.path),
    varintField(2, goMode(entry)),
    varintField(5, entry.type === "file" ? entry.size : 0),
    varintField(6, FIXED_TIME_NS),
    bytesField(7, entry.target ?? ""),
  ]);
}

function goMode({ type, mode }: ContextEntry): number {
  const kind = type === "directory" ? MODE.directory : type === "symlink" ? MODE.symlink : 0;
  return kind + specialBits(mode) + (mode & 0o777);
}

function specialBits(mode: number): number {
  return (
    ((mode & 0o4000) === 0 ? 0 : MODE.setuid) +
    ((mode & 0o2000) === 0 ? 0 : MODE.setgid) +
    ((mode & 0o1000) === 0 ? 0 : MODE.sticky)
  );
}
