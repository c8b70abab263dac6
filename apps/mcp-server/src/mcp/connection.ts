import type { JSONRPCRequest } from "@modelcontextprotocol/sdk/types.js";
import { createLateServer } from "./late-server.ts";
import { PROTOCOL_ERROR, PROTOCOL_VERSIONS } from "./protocol.ts";
import { createToolCalls } from "./tool-calls.ts";
import type { Served } from "./served.ts";
import type { ToolList } from "./tool-list.ts";
import type { Incoming, Wire } from "./wire.ts";

/** One client, connected. */
export interface Connection {
  /** Resolves when the client is gone or the connection was closed. */
  readonly closed: Promise<void>;
  /** Resolves when no call of this client runs any more. */
  idle(): Promise<void>;
  close(): void;
}

const INSTRUCTIONS =
  "Container Kit takes a source repository to a pushed, verified container image. " +
  "The usual order: analyze_repository, generate_dockerfile, build_image, inspect_image, push_image; " +
  "each result names the next tool with its arguments. Hand the sessionId of the first result to the calls that follow. " +
  "With dryRun a tool checks everything and changes nothing; with an idempotencyKey that was used it gives the first outcome again; " +
  "with wait false, or after 30 s, it answers with a jobId, which get_job follows and cancel_job stops. " +
  "Arguments that an earlier tool of the session made known may be left out; `context` tells what was used. " +
  "A failed result carries a code, whether a retry helps, and the one next step; where it has `routing` with a tool, call that with its arguments and go on with the first of `next`.";

/**
 * Serves one client over one wire.
 *
 * What every client says first, and the calls, are answered here; everything else is the SDK's, which is loaded when
 * somebody asks for it (see late-server.ts).
 */
export function connect(wire: Wire, tools: ToolList, served: Served): Connection {
  const { runtime, logger, version } = served;
  const calls = createToolCalls({ runtime, logger, wire });
  const rest = createLateServer(wire, served);
  wire.onerror = (error) => logger.warn("A message of the client was not understood.", { error: error.message });
  wire.onmessage = (message) => {
    if (!calls.take(message) && !greet(wire, message, { tools, version })) rest.take(message);
  };
  const closed = new Promise<void>((resolve) => {
    wire.onclose = () => {
      calls.cancelAll();
      rest.close();
      resolve();
    };
  });
  wire.start();
  return { closed, idle: () => calls.idle(), close: () => wire.close() };
}

/** Answers the messages that every client begins with; says whether it was one. */
function greet(wire: Wire, message: Incoming, { tools, version }: { tools: ToolList; version: string }): boolean {
  if (!("id" in message)) return message.method === "notifications/initialized";
  switch (message.method) {
    case "initialize":
      initialize(wire, message, version);
      return true;
    case "ping":
      wire.answer(message.id, "{}");
      return true;
    case "tools/list":
      wire.answer(message.id, tools.json);
      return true;
    default:
      return false;
  }
}

function initialize(wire: Wire, { id, params = {} }: JSONRPCRequest, version: string): void {
  const { protocolVersion: asked, capabilities, clientInfo } = params;
  if (typeof asked !== "string" || !isObject(capabilities) || !isObject(clientInfo)) {
    const message = "Invalid params: initialize needs protocolVersion, capabilities and clientInfo.";
    wire.send({ jsonrpc: "2.0", id, error: { code: PROTOCOL_ERROR.invalidParams, message } });
    return;
  }
  const result = {
    protocolVersion: PROTOCOL_VERSIONS.includes(asked) ? asked : PROTOCOL_VERSIONS[0],
    capabilities: { tools: {}, resources: {} },
    serverInfo: { name: "container-kit", title: "Container Kit", version },
    instructions: INSTRUCTIONS,
  };
  wire.send({ jsonrpc: "2.0", id, result });
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
