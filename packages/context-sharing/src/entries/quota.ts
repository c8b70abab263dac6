/**
 * How much a session and the store may hold.
 *
 * - Q1  What is held is counted, not kept: a count that each share must change would cost it another page. Between two
 *       counts a process adds what it shared itself, and counts again before that is a hundredth of the limit. So what
 *       several processes hold together is over it by no more than a hundredth for each of them.
 * - Q2  Nothing is refused by an old count, nor before what has expired is gone.
 * - Q3  Who must count does so after the other, and what they took is held until it is written: calls that come at once do
 *       not all take the same room.
 * - Q4  The files are never smaller than the values in them: while they are below the limit, nobody counts.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { defineErrors } from "@container-kit/errors";
import { storageErrors } from "@container-kit/storage";
import type { EntryFile } from "./entry-file.ts";
import type { ContextUsage } from "./types.ts";

const fail = defineErrors({ STORE_FULL: storageErrors.STORE_FULL });

const COUNTED_ROWS = 1000;
const SHARE_OF_LIMIT = 100;
const MOST_SESSIONS = 10_000;

/** What counting works with. */
export interface QuotaParts {
  readonly file: Pick<EntryFile, "prepared" | "read" | "bytes">;
  /** Removes what has expired, of one session or of all. */
  readonly removeExpired: (sessionId?: string) => Promise<unknown>;
  readonly maxSessionBytes: number;
  readonly maxTotalBytes: number;
}

/** What was counted, and what was added since. */
interface Count {
  counted: number;
  added: number;
}

/** The limits of one store in this process. */
export class Quota {
  readonly #parts: QuotaParts;
  readonly #sessions = new Map<string, Count>();
  #total: Count | undefined;
  /** Bytes that were taken in turn and are not written yet, by session. */
  readonly #held = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: QuotaParts) {
    this.#parts = parts;
  }

  /**
   * Takes room for a value: at once where it is known to be there; else what is returned resolves with a function to be
   * called when the value has been written, or will not be. @throws STORE_FULL
   */
  take(sessionId: string, bytes: number): undefined | Promise<() => void> {
    return this.#takeKnown(sessionId, bytes) ? undefined : this.#takeInTurn(sessionId, bytes);
  }

  /** Forgets what was counted, after something was removed. */
  forget(sessionId?: string): void {
    if (sessionId === undefined) this.#sessions.clear();
    else this.#sessions.delete(sessionId);
    this.#total = undefined;
  }

  /** What is held, by one session or by all; counted a piece at a time. */
  async usage(sessionId?: string): Promise<ContextUsage> {
    const { file } = this.#parts;
    let [entries, bytes] = [0, 0];
    let after = { session: sessionId ?? "", type: "", key: "" };
    for (;;) {
      const end = file.read(() => file.prepared.chunkEnd.get({ ...after, rows: COUNTED_ROWS - 1 }));
      const isInside = end !== undefined && (sessionId === undefined || end.session === sessionId);
      // Above all that a session can hold: a type begins with a letter.
      const to = isInside ? end : { session: sessionId ?? "\u{10ffff}", type: "\u{10ffff}", key: "" };
      const range = { ...after, endSession: to.session, endType: to.type, endKey: to.key };
      const chunk = file.read(() => file.prepared.usage.get(range));
      entries += chunk?.entries ?? 0;
      bytes += chunk?.bytes ?? 0;
      if (!isInside) return { entries, bytes };
      after = end;
      await nextTurn();
    }
  }

  #takeKnown(sessionId: string, bytes: number): boolean {
    const { maxSessionBytes, maxTotalBytes } = this.#parts;
    const session = this.#sessions.get(sessionId);
    const total = this.#total;
    if (session === undefined || total === undefined) return false;
    if (!hasRoom(session, bytes, maxSessionBytes) || !hasRoom(total, bytes, maxTotalBytes)) return false;
    session.added += bytes;
    total.added += bytes;
    return true;
  }

  #takeInTurn(sessionId: string, bytes: number): Promise<() => void> {
    const before = this.#turn;
    const taken = (async (): Promise<() => void> => {
      await before;
      if (!this.#takeKnown(sessionId, bytes)) await this.#takeCounted(sessionId, bytes);
      return this.#hold(sessionId, bytes);
    })();
    // Whoever is next goes on, whatever becomes of this one; its caller is told by what is returned.
    this.#turn = taken.catch(() => undefined);
    return taken;
  }

  async #takeCounted(sessionId: string, bytes: number): Promise<void> {
    const { maxSessionBytes, maxTotalBytes, removeExpired } = this.#parts;
    const countSession = async (): Promise<number> => {
      // First what is not written yet: what is written meanwhile counts twice, and never not at all.
      const held = this.#held.get(sessionId) ?? 0;
      return held + (await this.usage(sessionId)).bytes;
    };
    let session = await countSession();
    if (session + bytes > maxSessionBytes) {
      await removeExpired(sessionId);
      session = await countSession();
    }
    if (session + bytes > maxSessionBytes) {
      throw refusal("the session", { sessionId, held: session, limit: maxSessionBytes });
    }
    let total = await this.#countTotal(bytes);
    if (total + bytes > maxTotalBytes) {
      await removeExpired();
      total = await this.#countTotal(bytes);
    }
    if (total + bytes > maxTotalBytes) throw refusal("the store", { held: total, limit: maxTotalBytes });
    if (this.#sessions.size >= MOST_SESSIONS) this.#sessions.clear();
    this.#sessions.set(sessionId, { counted: session, added: bytes });
    this.#total = { counted: total, added: bytes };
  }

  async #countTotal(bytes: number): Promise<number> {
    let held = 0;
    for (const each of this.#held.values()) held += each;
    const atMost = this.#parts.file.bytes() + held;
    return atMost + bytes <= this.#parts.maxTotalBytes ? atMost : held + (await this.usage()).bytes;
  }

  /** Counts what is not written yet (Q3). */
  #hold(sessionId: string, bytes: number): () => void {
    const change = (by: number): void => {
      const held = (this.#held.get(sessionId) ?? 0) + by;
      if (held === 0) this.#held.delete(sessionId);
      else this.#held.set(sessionId, held);
    };
    change(bytes);
    return () => change(-bytes);
  }
}

function hasRoom(count: Count, bytes: number, limit: number): boolean {
  const added = count.added + bytes;
  return count.counted + added <= limit && added * SHARE_OF_LIMIT <= limit;
}

function refusal(
  whose: string,
  { sessionId, held, limit }: { readonly sessionId?: string; readonly held: number; readonly limit: number },
): Error {
  return fail("STORE_FULL", `${whose} holds ${held} bytes of context entries; the limit is ${limit}`, {
    remedy:
      "Remove entries that are no longer needed, delete old sessions, or wait until entries expire; then call again.",
    details: { ...(sessionId === undefined ? {} : { sessionId }), heldBytes: held, limitBytes: limit },
  });
}
