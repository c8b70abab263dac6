import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  ListResourceTemplatesRequestSchema,
  ListResourcesRequestSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import type { Served } from "./served.ts";
import { createResources } from "./resources.ts";

/** Serves what {@link connect} does not: resources, and the refusal of methods that nobody has. */
export async function serveRest(transport: Transport, { sessions, events, logger, version }: Served): Promise<void> {
  const server = new Server({ name: "container-kit", version }, { capabilities: { tools: {}, resources: {} } });
  const resources = createResources(sessions, events);
  server.setRequestHandler(ListResourcesRequestSchema, async () => ({ resources: await resources.list() }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [...resources.templates] }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => resources.read(params.uri));
  server.onerror = (error) => logger.warn("A message of the client was not understood.", { error: error.message });
  await server.connect(transport);
}
