import type { Runtime } from "@container-kit/atomic-runtime";
import type { Logger } from "@container-kit/observability";
import type { SessionStore } from "@container-kit/session";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  ListResourceTemplatesRequestSchema,
  ListResourcesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { createResources } from "./resources.ts";
import { createToolCalls } from "./tool-calls.ts";
import type { ToolCalls } from "./tool-calls.ts";
import type { ToolList } from "./tool-list.ts";

/** What is served, to whichever client. */
export interface Served {
  readonly runtime: Runtime;
  readonly sessions: SessionStore;
  readonly logger: Logger;
  readonly version: string;
}

/** One client, connected. */
export interface Connection {
  /** Resolves when the client is gone or the connection was closed. */
  readonly closed: Promise<void>;
  /** Resolves when no call of this client runs any more. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

const INSTRUCTIONS =
  "Container Kit takes a source repository to a pushed, verified container image. " +
  "The usual order: analyze_repository, generate_dockerfile, build_image, inspect_image, push_image; " +
  "each result names the next tool with its arguments. Hand the sessionId of the first result to the calls that follow. " +
  "With dryRun a tool checks everything and changes nothing; with an idempotencyKey that was used it gives the first outcome again. " +
  "A failed result carries a code, whether a retry helps, and the one next step.";

/** Serves one client over one transport. */
export async function connect(transport: Transport, tools: ToolList, served: Served): Promise<Connection> {
  const { runtime, sessions, logger, version } = served;
  const server = new Server(
    { name: "container-kit", title: "Container Kit", version },
    { capabilities: { tools: {}, resources: {} }, instructions: INSTRUCTIONS },
  );
  const resources = createResources(sessions);
  server.setRequestHandler(ListToolsRequestSchema, () => tools.result);
  server.setRequestHandler(ListResourcesRequestSchema, async () => ({ resources: await resources.list() }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [...resources.templates] }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => resources.read(params.uri));
  server.onerror = (error) => logger.warn("A message of the client was not understood.", { error: error.message });

  const calls = createToolCalls({ runtime, logger, send: (message, options) => transport.send(message, options) });
  const closed = new Promise<void>((resolve) => {
    server.onclose = () => {
      calls.cancelAll("the client is gone");
      resolve();
    };
  });
  await server.connect(withoutCalls(transport, calls));
  return { closed, idle: () => calls.idle(), close: () => server.close() };
}

/** The transport as the SDK sees it: without the messages that {@link ToolCalls} takes. */
function withoutCalls(transport: Transport, calls: ToolCalls): Transport {
  const rest: Transport = {
    async start() {
      transport.onclose = () => rest.onclose?.();
      transport.onerror = (error) => rest.onerror?.(error);
      transport.onmessage = (message, extra) => {
        if ("method" in message && calls.take(message)) return;
        rest.onmessage?.(message, extra);
      };
      await transport.start();
    },
    send: (message, options) => transport.send(message, options),
    close: () => transport.close(),
  };
  return rest;
}
