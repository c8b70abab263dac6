import { randomBytes } from "node:crypto";

/** What a W3C `traceparent` says. */
export interface TraceContext {
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** The span that asks: 16 hex digits, not all zero. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-[\x21-\x7e]{1,200})?$/;

/** Reads a W3C `traceparent`; what is not one is undefined, because a caller's mistake in tracing must not fail its call. */
export function parseTraceparent(text: unknown): TraceContext | undefined {
  if (typeof text !== "string" || text.length > 256) return undefined;
  const [, version, traceId, spanId, flags] = TRACEPARENT.exec(text) ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  // Version 00 ends with its flags; only a later one may say more.
  if (version === "00" && text.length !== 55) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** Writes a `traceparent` of version 00. */
export function formatTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

const POOLED = 256;
const ID_BYTES = 16;
let pool = "";
let next = 0;

/** A new trace id, for a call that came without one: 32 random hex digits. */
export function newTraceId(): string {
  // Randomness is asked for in bulk: one by one it costs more than the rest of a call's identity.
  if (next === pool.length) {
    pool = randomBytes(POOLED * ID_BYTES).toString("hex");
    next = 0;
  }
  const id = pool.slice(next, next + ID_BYTES * 2);
  next += ID_BYTES * 2;
  return /^0{32}$/.test(id) ? newTraceId() : id;
}
