/** What a request needs to know of a reply: an outcome of a tool. */
export type Reply =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly error: {
        readonly code: string;
        readonly message: string;
        readonly retryable: boolean;
        readonly details?: Readonly<Record<string, unknown>>;
      };
    };

/** One tool asks another. */
export interface ToolRequest {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly sessionId: string;
  /** Of the whole exchange: the asker's own. */
  readonly correlationId: string;
  /** The execution that asks. */
  readonly parent: string;
}

/** How a request is made. */
export interface RequestOptions {
  /** For all attempts together. Default 60,000; at most 24 days. */
  readonly deadlineMs?: number;
  /** Default 4; 1 never repeats. Refusals before a tool was asked (OVERLOADED, CIRCUIT_OPEN) are none. */
  readonly attempts?: number;
  /** The first pause; the next are longer, and each is spread at random. Default 100. */
  readonly firstPauseMs?: number;
  /** Default 5,000. */
  readonly longestPauseMs?: number;
  readonly signal?: AbortSignal;
}

/** Brings one attempt to the tool and the reply back; a runtime, or a broker. Never rejects. */
export type Send<Outcome extends Reply> = (
  request: ToolRequest,
  attempt: { readonly number: number; readonly signal: AbortSignal },
) => Promise<Outcome>;

/** Asks tools on behalf of tools. */
export interface Requests<Outcome extends Reply> {
  /**
   * Repeats where the error says that a retry helps, heeds `details.retryAfterMs`, and ends by its deadline with the last
   * reply. @throws CANCELLED TOOL_TIMEOUT when no attempt has replied by then
   */
  request(request: ToolRequest, options?: RequestOptions): Promise<Outcome>;
}
