import type { Runtime, ToolOutcome } from "@container-kit/atomic-runtime";
import type { Logger } from "@container-kit/observability";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ErrorCode } from "@modelcontextprotocol/sdk/types.js";
import type {
  CallToolResult,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
} from "@modelcontextprotocol/sdk/types.js";
import { createProgressMeter } from "./progress-meter.ts";

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
  take(message: JSONRPCRequest | JSONRPCNotification): boolean;
  /** Aborts everything that runs. */
  cancelAll(reason: string): void;
  /** Resolves when no call runs any more. */
  idle(): Promise<void>;
}

export interface ToolCallsOptions {
  readonly runtime: Runtime;
  readonly send: Transport["send"];
  readonly logger: Logger;
}

export function createToolCalls(options: ToolCallsOptions): ToolCalls {
  return new RunningCalls(options);
}

class RunningCalls implements ToolCalls {
  readonly #runtime: Runtime;
  readonly #send: Transport["send"];
  readonly #logger: Logger;
  readonly #running = new Map<RequestId, AbortController>();
  #listeners: (() => void)[] = [];

  constructor({ runtime, send, logger }: ToolCallsOptions) {
    this.#runtime = runtime;
    this.#send = send;
    this.#logger = logger;
  }

  take(message: JSONRPCRequest | JSONRPCNotification): boolean {
    if (message.method === "notifications/cancelled") return this.#cancel(message);
    if (message.method !== "tools/call" || !("id" in message)) return false;
    this.#start(message);
    return true;
  }

  cancelAll(reason: string): void {
    for (const controller of this.#running.values()) controller.abort(reason);
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
      this.#refuse(id, ErrorCode.InvalidParams, "Invalid params: tools/call needs the name of a tool.");
      return;
    }
    if (this.#running.has(id)) {
      const told = `Invalid Request: the id ${JSON.stringify(id)} belongs to a running call.`;
      this.#refuse(id, ErrorCode.InvalidRequest, told);
      return;
    }
    const controller = new AbortController();
    this.#running.set(id, controller);
    void this.#answer(id, { name, params, signal: controller.signal });
  }

  /** C1 C2 */
  async #answer(id: RequestId, { name, params, signal }: AcceptedCall): Promise<void> {
    const correlationId = traceId(params?._meta?.["traceparent"]);
    const progress = progressSender(params?._meta?.progressToken, (notification) => this.#post(notification, id));
    try {
      const outcome = await this.#runtime.execute({
        tool: name,
        input: params?.["arguments"] ?? {},
        signal,
        onProgress: progress.report,
        ...(correlationId === undefined ? {} : { correlationId }),
      });
      progress.stop();
      this.#post({ jsonrpc: "2.0", id, result: toCallResult(outcome, this.#runtime.render(outcome)) }, id);
    } catch (error) {
      progress.stop();
      this.#logger.error("A tool call ended without an outcome.", { error, tool: name });
      this.#refuse(id, ErrorCode.InternalError, "Internal error: the call ended without an outcome.");
    } finally {
      this.#end(id);
    }
  }

  #cancel({ params }: JSONRPCNotification): boolean {
    const controller = this.#running.get(params?.["requestId"] as RequestId);
    controller?.abort(params?.["reason"]);
    return controller !== undefined;
  }

  #end(id: RequestId): void {
    this.#running.delete(id);
    if (this.#running.size > 0) return;
    const idle = this.#listeners;
    this.#listeners = [];
    for (const listener of idle) listener();
  }

  #refuse(id: RequestId, code: ErrorCode, message: string): void {
    this.#post({ jsonrpc: "2.0", id, error: { code, message } }, id);
  }

  #post(message: Parameters<Transport["send"]>[0], id: RequestId): void {
    this.#send(message, { relatedRequestId: id }).catch((error: unknown) => {
      this.#logger.warn("A message could not be sent to the client.", { error });
    });
  }
}

interface AcceptedCall {
  readonly name: string;
  readonly params: JSONRPCRequest["params"];
  readonly signal: AbortSignal;
}

interface ProgressSender {
  readonly report: NonNullable<Parameters<Runtime["execute"]>[0]["onProgress"]>;
  stop(): void;
}

function progressSender(
  token: RequestId | undefined,
  post: (notification: JSONRPCNotification) => void,
): ProgressSender {
  if (token === undefined) return { report: () => {}, stop: () => {} };
  const meter = createProgressMeter();
  let stopped = false;
  return {
    report: (progress) => {
      if (stopped) return;
      const params = { progressToken: token, ...meter.read(progress) };
      post({ jsonrpc: "2.0", method: "notifications/progress", params });
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
    structuredContent: { ...outcome },
    isError: !outcome.ok,
  };
}

/** The trace id of a W3C `traceparent`, so that a client's trace and our record name the same call. */
function traceId(traceparent: unknown): string | undefined {
  if (typeof traceparent !== "string") return undefined;
  return /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent)?.[1];
}
