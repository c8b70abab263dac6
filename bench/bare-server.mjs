/**
 * The baseline: the SDK's own `McpServer` on its own stdio transport, as its documentation shows it, with so many tools
 * of seven fields. It remembers nothing.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(new URL("../apps/mcp-server/package.json", import.meta.url));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { McpServer } = await load("@modelcontextprotocol/sdk/server/mcp.js");
const { StdioServerTransport } = await load("@modelcontextprotocol/sdk/server/stdio.js");
const { z } = await load("zod");

const server = new McpServer({ name: "bare", version: "0.0.0" });
const fields = {
  text: z.string(),
  a: z.string().optional(),
  b: z.number().optional(),
  c: z.boolean().optional(),
  d: z.array(z.string()).optional(),
  e: z.record(z.string(), z.string()).optional(),
  f: z.enum(["x", "y"]).optional(),
};
for (let index = 0; index < Number(process.argv[2] ?? 1); index += 1) {
  const name = index === 0 ? "no_op" : `tool_${index}`;
  server.registerTool(
    name,
    { description: "Does nothing.", inputSchema: fields, outputSchema: { text: z.string() } },
    ({ text }) => ({
      content: [{ type: "text", text }],
      structuredContent: { text },
    }),
  );
}
await server.connect(new StdioServerTransport());
