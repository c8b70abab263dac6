import type { IncomingHttpHeaders } from "node:http";
import type { Rule } from "./fault-rules.ts";

/** What happens to a request to the registry instead of a plain answer. */
export type RegistryFault =
  /** An answer of our own, e.g. 429 with `Retry-After`; the registry does not see the request. */
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Buffer;
    }
  /** The request is taken and never answered; the registry does not see it. */
  | { readonly kind: "hang" }
  /** The connection is closed before any header, once so many bytes of the request's body have come; 0 by default. */
  | { readonly kind: "reset"; readonly afterBytes?: number }
  /** The registry's answer up to so many bytes of its body, then the connection breaks, whatever Content-Length says. */
  | { readonly kind: "cut"; readonly afterBytes: number }
  /** The registry's answer up to so many bytes of its body, then silence. */
  | { readonly kind: "stall"; readonly afterBytes: number }
  /** The registry's answer, so much later, and its body at so many bytes a second. */
  | { readonly kind: "slow"; readonly delayMs?: number; readonly bytesPerSecond?: number }
  /** The registry's answer with another status, body or headers; a header that is undefined is taken out. */
  | {
      readonly kind: "replace";
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string | undefined>>;
      readonly body?: string | Buffer | ((body: Buffer) => string | Buffer);
    }
  /** Nothing wrong: the rule only counts. */
  | { readonly kind: "pass" };

/** Matched as `METHOD /path?query`, the token service's `/token` included. */
export interface RegistryFaultRule extends Rule<RegistryFault> {
  /**
   * True: only for requests that the registry would let in, so that a `cut` meets the blob and not the 401 that asks for
   * a password. False by default: for every request.
   */
  readonly signedIn?: boolean;
}

/** A request as it came to the registry or to its token service. */
export interface SeenRegistryRequest {
  readonly method: string;
  readonly path: string;
  /** As they came, with small names. `host` tells which of the two addresses was asked. */
  readonly headers: IncomingHttpHeaders;
}
