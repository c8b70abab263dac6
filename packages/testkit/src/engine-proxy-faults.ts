import type { Rule } from "./fault-rules.ts";

/** What happens to a request instead of a plain answer. */
export type Fault =
  /** The request is taken and never answered; the engine does not see it. */
  | { readonly kind: "hang" }
  /** An answer of our own; the engine does not see the request. */
  | { readonly kind: "answer"; readonly status: number; readonly body?: string | Buffer; readonly contentType?: string }
  /** The connection is closed before any header; the engine does not see the request. */
  | { readonly kind: "reset" }
  /** The engine's answer, with its body replaced. */
  | { readonly kind: "replace"; readonly body: string | Buffer | ((body: string) => string) }
  /** The engine's answer up to so many bytes, then the connection breaks. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** The engine's answer up to so many bytes, then a clean end, as if that were all. */
  | { readonly kind: "end"; readonly afterBytes: number }
  /** The engine's answer up to so many bytes, then silence. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** The engine's answer, so much later. */
  | { readonly kind: "slow"; readonly delayMs: number }
  /** Nothing wrong: the request's body is kept for the test to look at. */
  | { readonly kind: "capture" };

/** Matched with the version prefix included: `/^POST \/(v[\d.]+\/)?images\/create/`. */
export type FaultRule = Rule<Fault>;

/** A request as it came to the proxy. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
}

/** A request whose body was kept. */
export interface CapturedRequest extends SeenRequest {
  readonly body: Buffer;
  /** False where the client went away in the middle of sending. */
  readonly complete: boolean;
}
