/** A file as a disk has it: what is surely there, and what was written since. */

/** What of a file's unsynced writes a cut leaves. */
export type DataFate = "drop" | "prefix" | "subset";

interface Change {
  readonly sequence: number;
  /** Null: the file got this size. */
  readonly data: Buffer | null;
  readonly offset: number;
}

/** One file of a {@link PowerReplay}, with or without a name. */
export class PowerFile {
  #durable = Buffer.alloc(0);
  #size = 0;
  #pending: Change[] = [];

  /** How many changes have not been synced. */
  get pending(): number {
    return this.#pending.length;
  }

  change(sequence: number, offset: bigint, data: Buffer | null): void {
    this.#pending.push({ sequence, offset: Number(offset), data });
  }

  /** A sync that began at `before` is done: what was changed by then stays. */
  sync(before: number): void {
    let done = 0;
    for (; done < this.#pending.length && (this.#pending[done]?.sequence ?? Infinity) < before; done += 1)
      this.#apply(this.#pending[done] as Change);
    this.#pending.splice(0, done);
  }

  /** What a cut leaves. */
  content(fate: DataFate, random: () => number): Buffer {
    const after = new PowerFile();
    after.#durable = Buffer.from(this.#durable.subarray(0, this.#size));
    after.#size = this.#size;
    for (const change of surviving(this.#pending, fate, random)) after.#apply(change);
    return after.#durable.subarray(0, after.#size);
  }

  #apply({ data, offset }: Change): void {
    const size = data === null ? offset : Math.max(this.#size, offset + data.length);
    if (size > this.#durable.length) {
      const larger = Buffer.alloc(Math.max(size, this.#durable.length * 2));
      this.#durable.copy(larger, 0, 0, this.#size);
      this.#durable = larger;
    }
    // What lies beyond the end is read as zeros when the file grows again.
    if (size < this.#size) this.#durable.fill(0, size, this.#size);
    data?.copy(this.#durable, offset);
    this.#size = size;
  }
}

/** Nothing; the first so many, the last of them torn; or any, in their order, as a disk that reorders leaves them. */
function surviving(pending: readonly Change[], fate: DataFate, random: () => number): readonly Change[] {
  if (fate === "drop") return [];
  if (fate === "subset") return pending.filter(() => random() < 0.5);
  const kept = pending.slice(0, Math.floor(random() * (pending.length + 1)));
  const last = kept.at(-1);
  if (last === undefined || last.data === null) return kept;
  const torn = { ...last, data: last.data.subarray(0, Math.floor(random() * (last.data.length + 1))) };
  return [...kept.slice(0, -1), torn];
}
