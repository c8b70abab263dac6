import type { Runtime, ToolOutcome } from "@container-kit/atomic-runtime";
import type { Logger } from "@container-kit/observability";
import type {
  CallToolResult,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
} from "@modelcontextprotocol/sdk/types.js";
import { CallSignal } from "./call-signal.ts";
import { createProgressMeter } from "./progress-meter.ts";
import { PROTOCOL_ERROR } from "./protocol.ts";
import type { Incoming, Wire } from "./wire.ts";

/**
 * Answers `tools/call` and its cancellation beside the SDK.
 *
 * The SDK drops the answer of a call that was cancelled, and parses a call's arguments and result three times; the
 * contract wants every call answered, and the runtime has validated both. So these two messages are taken out before
 * they reach it.
 *
 * Invariants:
 * - C1  Every accepted call is answered exactly once, a cancelled one too, as long as the connection lives.
 * - C2  Progress is sent only to who gave a token, and never after the answer.
 * - C3  A cancellation aborts the call's signal before the next message is read.
 */
export interface ToolCalls {
  /** Takes the message if it is one of the two; otherwise it is somebody else's. */
  take(message: Incoming): boolean;
  /** Aborts everything that runs. */
  cancelAll(): void;
  /** Resolves when no call runs any more. */
  idle(): Promise<void>;
}

export interface ToolCallsOptions {
  readonly runtime: Runtime;
  readonly wire: Pick<Wire, "send">;
  readonly logger: Logger;
}

export function createToolCalls(options: ToolCallsOptions): ToolCalls {
  return new RunningCalls(options);
}

class RunningCalls implements ToolCalls {
  readonly #runtime: Runtime;
  readonly #wire: Pick<Wire, "send">;
  readonly #logger: Logger;
  readonly #running = new Map<RequestId, CallSignal>();
  #listeners: (() => void)[] = [];

  constructor({ runtime, wire, logger }: ToolCallsOptions) {
    this.#runtime = runtime;
    this.#wire = wire;
    this.#logger = logger;
  }

  take(message: Incoming): boolean {
    if (message.method === "notifications/cancelled") return this.#cancel(message);
    if (message.method !== "tools/call" || !("id" in message)) return false;
    this.#start(message);
    return true;
  }

  cancelAll(): void {
    for (const signal of this.#running.values()) signal.abort();
  }

  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#running.size === 0) resolve();
      else this.#listeners.push(resolve);
    });
  }

  #start({ id, params }: JSONRPCRequest): void {
    const name = params?.["name"];
    if (typeof name !== "string") {
      this.#refuse(id, PROTOCOL_ERROR.invalidParams, "Invalid params: tools/call needs the name of a tool.");
      return;
    }
    if (this.#running.has(id)) {
      const told = `Invalid Request: the id ${JSON.stringify(id)} belongs to a running call.`;
      this.#refuse(id, PROTOCOL_ERROR.invalidRequest, told);
      return;
    }
    const signal = new CallSignal();
    this.#running.set(id, signal);
    void this.#answer(id, { name, params, signal });
  }

  /** C1 C2 */
  async #answer(id: RequestId, { name, params, signal }: AcceptedCall): Promise<void> {
    const traceparent = params?._meta?.["traceparent"];
    const progress = progressSender(params?._meta?.progressToken, this.#wire);
    try {
      const outcome = await this.#runtime.execute({
        tool: name,
        input: params?.["arguments"] ?? {},
        signal,
        ...(progress === undefined ? {} : { onProgress: progress.report }),
        ...(typeof traceparent === "string" ? { traceparent } : {}),
      });
      progress?.stop();
      this.#wire.send({ jsonrpc: "2.0", id, result: toCallResult(outcome, this.#runtime.render(outcome)) });
    } catch (error) {
      progress?.stop();
      this.#logger.error("A tool call ended without an outcome.", { error, tool: name });
      this.#refuse(id, PROTOCOL_ERROR.internal, "Internal error: the call ended without an outcome.");
    } finally {
      this.#end(id);
    }
  }

  #cancel({ params }: JSONRPCNotification): boolean {
    const signal = this.#running.get(params?.["requestId"] as RequestId);
    signal?.abort();
    return signal !== undefined;
  }

  #end(id: RequestId): void {
    this.#running.delete(id);
    if (this.#running.size > 0) return;
    const idle = this.#listeners;
    this.#listeners = [];
    for (const listener of idle) listener();
  }

  #refuse(id: RequestId, code: number, message: string): void {
    this.#wire.send({ jsonrpc: "2.0", id, error: { code, message } });
  }
}

interface AcceptedCall {
  readonly name: string;
  readonly params: JSONRPCRequest["params"];
  readonly signal: CallSignal;
}

interface ProgressSender {
  readonly report: NonNullable<Parameters<Runtime["execute"]>[0]["onProgress"]>;
  stop(): void;
}

/** Undefined for a caller who gave no token: the runtime then spares itself the work too. */
function progressSender(token: RequestId | undefined, wire: Pick<Wire, "send">): ProgressSender | undefined {
  if (token === undefined) return undefined;
  const meter = createProgressMeter();
  let stopped = false;
  return {
    report: (progress) => {
      if (stopped) return;
      const params = { progressToken: token, ...meter.read(progress) };
      wire.send({ jsonrpc: "2.0", method: "notifications/progress", params });
    },
    stop: () => {
      stopped = true;
    },
  };
}

/** An outcome as MCP carries it: the structure, its text twin, and a link where there is a log to read. */
function toCallResult(outcome: ToolOutcome, text: string): CallToolResult {
  const log = outcome.ok ? outcome.result["log"] : outcome.error.details?.["log"];
  const link =
    typeof log === "string" && log.startsWith("job://")
      ? [{ type: "resource_link" as const, uri: log, name: "build.log", title: "Build log", mimeType: "text/plain" }]
      : [];
  return {
    content: [{ type: "text", text }, ...link],
    // A structure of plain data; nobody changes it between here and its JSON.
    structuredContent: outcome as unknown as Record<string, unknown>,
    isError: !outcome.ok,
  };
}
