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

export function createToolCalls({ runtime, send, logger }: ToolCallsOptions): ToolCalls {
  const running = new Map<RequestId, AbortController>();
  let listeners: (() => void)[] = [];

  const post = (message: Parameters<Transport["send"]>[0], id: RequestId): void => {
    send(message, { relatedRequestId: id }).catch((error: unknown) => {
      logger.warn("A message could not be sent to the client.", { error });
    });
  };

  const refuse = (id: RequestId, code: ErrorCode, message: string): void => {
    post({ jsonrpc: "2.0", id, error: { code, message } }, id);
  };

  const end = (id: RequestId): void => {
    running.delete(id);
    if (running.size > 0) return;
    const idle = listeners;
    listeners = [];
    for (const listener of idle) listener();
  };

  const start = ({ id, params }: JSONRPCRequest): void => {
    const name = params?.["name"];
    if (typeof name !== "string") {
      refuse(id, ErrorCode.InvalidParams, "Invalid params: tools/call needs the name of a tool.");
      return;
    }
    if (running.has(id)) {
      refuse(id, ErrorCode.InvalidRequest, `Invalid Request: the id ${JSON.stringify(id)} belongs to a running call.`);
      return;
    }
    const controller = new AbortController();
    running.set(id, controller);
    const correlationId = traceId(params?._meta?.["traceparent"]);
    const onProgress = progressSender(params?._meta?.progressToken, (notification) => post(notification, id));
    runtime
      .execute({
        tool: name,
        input: params?.["arguments"] ?? {},
        signal: controller.signal,
        onProgress: onProgress.report,
        ...(correlationId === undefined ? {} : { correlationId }),
      })
      .then(
        (outcome) => {
          onProgress.stop();
          post({ jsonrpc: "2.0", id, result: toCallResult(outcome, runtime.render(outcome)) }, id);
        },
        (error: unknown) => {
          onProgress.stop();
          logger.error("A tool call ended without an outcome.", { error, tool: name });
          refuse(id, ErrorCode.InternalError, "Internal error: the call ended without an outcome.");
        },
      )
      .finally(() => end(id));
  };

  const cancel = ({ params }: JSONRPCNotification): boolean => {
    const controller = running.get(params?.["requestId"] as RequestId);
    controller?.abort(params?.["reason"]);
    return controller !== undefined;
  };

  return {
    take(message) {
      if (message.method === "notifications/cancelled") return cancel(message);
      if (message.method !== "tools/call" || !("id" in message)) return false;
      start(message as JSONRPCRequest);
      return true;
    },
    cancelAll(reason) {
      for (const controller of running.values()) controller.abort(reason);
    },
    idle: () =>
      new Promise((resolve) => {
        if (running.size === 0) resolve();
        else listeners.push(resolve);
      }),
  };
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
export function toCallResult(outcome: ToolOutcome, text: string): CallToolResult {
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
