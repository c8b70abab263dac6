/**
 * Goes through a recording and makes, at any moment of it, a folder as a power cut would have left it.
 *
 * - R1  What a sync that is done had found written is there. Of what came later a cut decides: nothing, a part, any part.
 * - R2  Names are as uncertain as bytes. `journaled`: a sync of anything also brings every name that was given before, as
 *       ext4 and XFS do. `posix`: only a sync of the folder does, which is all that is promised.
 * - R3  Files that SQLite keeps in shared memory (`-shm`) are left out: it makes them anew.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PowerFile } from "./power-file.ts";
import type { DataFate } from "./power-file.ts";
import { readNotes } from "./power-trace.ts";
import type { PowerNote } from "./power-trace.ts";

/** When a name is surely there: see R2. */
export type NameFate = "journaled" | "posix";

/** How a power cut treats what was not synced. */
export interface PowerCut {
  readonly data: DataFate;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** What a program said, and when. */
export interface SaidLine {
  readonly text: string;
  /** Which note it is: it was said before a cut at a higher one. */
  readonly index: number;
  /** By the monotonic clock, in milliseconds. */
  readonly atMs: number;
}

/** A recording, from its beginning to its end. */
export interface PowerTrace {
  /** How many notes there are: a cut can be before each, and after the last. */
  readonly length: number;
  /** Every line that was said, in order. */
  readonly said: readonly SaidLine[];
  /** When the note at this index was made, by the monotonic clock, in milliseconds. */
  atMs(index: number): number;
  /** Goes on to just before this note; never back. */
  advance(index: number): void;
  /** Makes the folder as a cut at this moment leaves it. Returns how many changes were at the cut's mercy. */
  cut(folder: string, cut: PowerCut): { readonly unsynced: number };
}

type Node = PowerFile | Folder;

class Folder {
  readonly live = new Map<string, Node>();
  readonly durable = new Map<string, Node>();
}

interface NameChange {
  readonly sequence: number;
  readonly parts: readonly { readonly folder: Folder; readonly name: string; readonly node: Node | null }[];
}

/** Reads the recording of a {@link PowerRecorder}. */
export function readPowerTrace(file: string, names: NameFate = "journaled"): PowerTrace {
  const notes = readNotes(file);
  const replay = new Replay(names);
  let at = 0;
  return {
    length: notes.length,
    said: notes.flatMap(saidIn),
    atMs: (index) => milliseconds(notes[Math.min(index, notes.length - 1)]),
    advance: (index) => {
      for (; at < Math.min(index, notes.length); at += 1) replay.take(notes[at] as PowerNote, at);
    },
    cut: (to, how) => replay.write(to, how),
  };
}

function milliseconds(note: PowerNote | undefined): number {
  return Number((note?.at ?? 0n) / 1000n) / 1000;
}

function saidIn(note: PowerNote, index: number): readonly SaidLine[] {
  if (note.kind !== "said") return [];
  const lines = note.data.toString("utf8").split("\n").slice(0, -1);
  return lines.map((text) => ({ text, index, atMs: milliseconds(note) }));
}

class Replay {
  readonly #root = new Folder();
  readonly #nodes = new Map<bigint, Node>();
  readonly #begun = new Map<string, number>();
  readonly #files = new Set<PowerFile>();
  readonly #names: NameFate;
  #pending: NameChange[] = [];

  constructor(names: NameFate) {
    this.#names = names;
  }

  take(note: PowerNote, sequence: number): void {
    const node = this.#nodes.get(note.file);
    if (note.kind === "open") this.#open(note, sequence);
    else if (note.kind === "write") fileOf(node)?.change(sequence, note.offset, note.data);
    else if (note.kind === "truncate") fileOf(node)?.change(sequence, note.offset, null);
    else if (note.kind === "sync-begin") this.#begun.set(`${note.file} ${note.offset}`, sequence);
    else if (note.kind === "sync-end") this.#synced(node, this.#begun.get(`${note.file} ${note.offset}`) ?? 0);
    else if (note.kind !== "said") this.#rename(note, sequence);
  }

  write(folder: string, { data, random }: PowerCut): { readonly unsynced: number } {
    const kept = data === "drop" ? 0 : Math.floor(random() * (this.#pending.length + 1));
    const names = new Map<Folder, Map<string, Node>>();
    for (const { parts } of this.#pending.slice(0, kept)) {
      for (const part of parts) {
        const entries = names.get(part.folder) ?? new Map(part.folder.durable);
        names.set(part.folder, entries);
        setName(entries, part.name, part.node);
      }
    }
    const lay = (from: Folder, to: string): void => {
      mkdirSync(to, { recursive: true, mode: 0o700 });
      for (const [name, node] of names.get(from) ?? from.durable) {
        if (node instanceof Folder) lay(node, join(to, name));
        else if (!name.endsWith("-shm")) writeFileSync(join(to, name), node.content(data, random), { mode: 0o600 });
      }
    };
    lay(this.#root, folder);
    const changes = [...this.#files].reduce((sum, { pending }) => sum + pending, 0);
    return { unsynced: changes + this.#pending.length };
  }

  #open({ path, file, isFolder }: PowerNote, sequence: number): void {
    const known = path === "" ? this.#root : this.#find(path);
    if (known !== undefined) {
      this.#nodes.set(file, known);
      return;
    }
    const node = isFolder ? new Folder() : new PowerFile();
    if (node instanceof PowerFile) this.#files.add(node);
    this.#nodes.set(file, node);
    this.#name(sequence, [[path, node]]);
  }

  #rename({ kind, path, target }: PowerNote, sequence: number): void {
    const node = this.#find(path) ?? null;
    if (kind === "mkdir") this.#name(sequence, [[path, new Folder()]]);
    if (kind === "unlink" || kind === "rmdir") this.#name(sequence, [[path, null]]);
    if (kind === "link") this.#name(sequence, [[target, node]]);
    if (kind === "rename")
      this.#name(sequence, [
        [path, null],
        [target, node],
      ]);
  }

  #name(sequence: number, changes: readonly (readonly [path: string, node: Node | null])[]): void {
    const parts = changes.flatMap(([path, node]) => {
      const folder = dirname(path) === "." ? this.#root : this.#find(dirname(path));
      // A name that is given below a folder that is gone, or outside, is nobody's.
      if (!(folder instanceof Folder) || path === "") return [];
      setName(folder.live, basename(path), node);
      return [{ folder, name: basename(path), node }];
    });
    this.#pending.push({ sequence, parts });
  }

  #synced(node: Node | undefined, begun: number): void {
    fileOf(node)?.sync(begun);
    const isDone = ({ sequence, parts }: NameChange) =>
      sequence < begun && (this.#names === "journaled" || parts.some(({ folder }) => folder === node));
    for (const { parts } of this.#pending.filter(isDone))
      for (const { folder, name, node: named } of parts) setName(folder.durable, name, named);
    this.#pending = this.#pending.filter((change) => !isDone(change));
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const name of path.split("/")) node = node instanceof Folder ? node.live.get(name) : undefined;
    return node;
  }
}

function fileOf(node: Node | undefined): PowerFile | undefined {
  return node instanceof PowerFile ? node : undefined;
}

function setName(names: Map<string, Node>, name: string, node: Node | null): void {
  if (node === null) names.delete(name);
  else names.set(name, node);
}
