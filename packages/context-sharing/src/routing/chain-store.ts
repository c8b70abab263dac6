/**
 * Keeps the chains of sessions as context entries.
 *
 * - S1  A success of a session without chains costs one look at one entry: a mark, written before the session's first
 *       chain, that lasts at least as long as any of them. To look for entries by their type costs ten times that.
 * - S2  A chain is written by its version: CONFLICT where another process was first.
 * - S3  A chain lasts an hour after it was last written, and a pause that was asked for on top.
 */
import { z } from "zod";
import type { ContextEntry, ContextStore, ContextType } from "../entries/types.ts";
import { CHAIN_TYPE, keyOf } from "./chain-entry.ts";
import type { CallName, KeptChain } from "./chain-entry.ts";
import type { FailedCall, SucceededCall } from "./types.ts";

const MARK_TYPE: ContextType = { name: "failure_mark", schema: z.object({}) };
const MARK = { type: MARK_TYPE.name, key: "any" };
const CHAIN = { type: CHAIN_TYPE.name };
const KEPT_MS = 3_600_000;
/** The chain is written after its mark, and must not outlast it. */
const MARGIN_MS = 60_000;

/** A chain as it is kept. */
export interface FoundChain {
  readonly kept: KeptChain;
  readonly version: number;
}

/** What is to be kept of a chain. */
interface ChainMemory {
  readonly kept: KeptChain;
  /** The version that it follows; 0 for a new one. */
  readonly version: number;
  /** The pause before the next call. */
  readonly afterMs: number;
}

/** The chains of sessions. */
export interface ChainStore {
  /** The chain that began with this call. */
  find(sessionId: string, origin: CallName): Promise<FoundChain | undefined>;
  /** All of a session, the last written first. */
  open(sessionId: string): Promise<readonly FoundChain[]>;
  /** (S2) @throws CONFLICT STORE_* */
  remember(call: FailedCall | SucceededCall, memory: ChainMemory): Promise<void>;
  /** (S2) @throws CONFLICT STORE_* */
  end(sessionId: string, chain: FoundChain): Promise<void>;
}

/** Keeps chains in a context store, on which it registers their types. */
export function createChainStore(context: ContextStore): ChainStore {
  for (const type of [MARK_TYPE, CHAIN_TYPE]) if (!context.types().includes(type.name)) context.register(type);
  return {
    async find(sessionId, origin) {
      const entry = await context.get({ ...CHAIN, sessionId, key: keyOf(origin) });
      return entry === undefined ? undefined : foundIn(entry);
    },
    async open(sessionId) {
      if ((await context.get({ ...MARK, sessionId })) === undefined) return [];
      const entries = await context.query({ ...CHAIN, sessionId, limit: 1000 });
      return entries.map(foundIn);
    },
    async remember({ sessionId, tool, executionId }, { kept, version, afterMs }) {
      // Not the execution itself: what that shared goes when it is undone, and the guard must not.
      const producer = { tool, executionId: `${executionId}:routing` };
      const common = { sessionId, producer, ttlMs: KEPT_MS + afterMs };
      await mark(context, common);
      await context.share({ ...common, ...CHAIN, key: keyOf(kept.origin), value: kept, expectedVersion: version });
    },
    async end(sessionId, { kept, version }) {
      await context.remove({ ...CHAIN, sessionId, key: keyOf(kept.origin), expectedVersion: version });
    },
  };
}

type Common = Pick<Parameters<ContextStore["share"]>[0], "sessionId" | "producer"> & { readonly ttlMs: number };

/** (S1) A mark that lasts longer, because of a longer pause, stays. */
async function mark(context: ContextStore, common: Common): Promise<void> {
  const present = await context.get({ ...MARK, sessionId: common.sessionId });
  const lasts = present === undefined ? 0 : present.expiresAt - present.createdAt;
  await context.share({ ...common, ...MARK, value: {}, ttlMs: Math.max(common.ttlMs + MARGIN_MS, lasts) });
}

/** The store has checked the value against the schema. */
function foundIn({ value, version }: ContextEntry): FoundChain {
  return { kept: value as KeptChain, version };
}
