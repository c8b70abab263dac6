/**
 * The real server around one tool that does nothing: what a call costs before any tool does its work. Everything on the
 * path is what `serve` has: transport, runtime, and the durable record on disk.
 */
import { defineTool, createRuntime } from "@container-kit/atomic-runtime";
import { createRedactor, silentLogger } from "@container-kit/observability";
import { createSessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import { z } from "zod";
import { serveStdio } from "../src/mcp/serve-stdio.ts";

const noOp = defineTool({
  name: "no_op",
  title: "Nothing",
  description: "Does nothing.",
  toolset: "server",
  input: z.object({ text: z.string() }),
  output: z.object({ text: z.string() }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  run: ({ text }) => Promise.resolve({ text }),
});

const storage = await openStorage(`sqlite:${process.argv[2] ?? ""}/`);
const sessions = createSessionStore(storage);
const runtime = createRuntime({
  plugins: [{ name: "bench", version: "0.0.0", apiVersion: 1, tools: [noOp] }],
  sessions,
  redactor: createRedactor(),
});
const serving = await serveStdio(process, { runtime, sessions, logger: silentLogger, version: "0.0.0" });
await serving.closed;
await serving.drain();
await storage.close();
