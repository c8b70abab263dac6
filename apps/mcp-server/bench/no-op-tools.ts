/** Tools that do nothing, with the fields of those of bench/bare-server.mjs, and what a runtime around them needs. */
import { createRuntime, defineTool } from "@container-kit/atomic-runtime";
import type { Runtime, RuntimeOptions } from "@container-kit/atomic-runtime";
import { createLogger, createRedactor } from "@container-kit/observability";
import type { Logger, Redactor } from "@container-kit/observability";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import { z } from "zod";
import { openRouting, openSharedContext } from "../src/sharing.ts";
import type { SharedContext } from "../src/sharing.ts";

/** Everything that stands between a message and a tool in `serve`. */
export interface Bench {
  readonly runtime: Runtime;
  readonly sessions: SessionStore;
  readonly logger: Logger;
  /** Absent where nothing is recorded. */
  readonly storage: Storage | undefined;
  close(): Promise<void>;
}

/** @param folder where the record is; without one nothing is recorded */
export async function openBench(folder: string | undefined, tools = 1): Promise<Bench> {
  const redactor = createRedactor();
  const logger = createLogger({ level: "warn", redactor });
  const keeper = new URL("record-keeper.js", import.meta.url);
  const storage = folder === undefined ? undefined : await openStorage(`sqlite:${folder}/`, { logger, keeper });
  const shared = storage === undefined ? undefined : openSharedContext(storage, { logger, redactor });
  const sessions = storage === undefined ? forgetful() : createSessionStore(storage, { ...shared });
  const plugin = { name: "bench", version: "0.0.0", apiVersion: 1 as const, tools: noOps(tools) };
  const runtime = createRuntime({ plugins: [plugin], sessions, redactor, logger, ...exchange(shared, redactor) });
  return {
    runtime,
    sessions,
    logger,
    storage,
    async close() {
      await runtime.close();
      await shared?.events.close();
      await storage?.close();
    },
  };
}

function exchange(
  shared: SharedContext | undefined,
  redactor: Redactor,
): Pick<RuntimeOptions, "context" | "events" | "routing"> {
  if (shared === undefined) return {};
  const settings = { autoFix: true, budget: null, sources: [] };
  const routing = openRouting({ settings, plugins: [], isPluginMissing: false, shared, redactor });
  return { context: shared.context, events: shared.events, routing };
}

function noOps(count: number): ReturnType<typeof defineTool>[] {
  return Array.from({ length: count }, (_, index) =>
    defineTool({
      name: index === 0 ? "no_op" : `do_nothing_${index}`,
      title: "Nothing",
      description: "Does nothing.",
      toolset: "server",
      input: z.object({
        text: z.string(),
        a: z.string().optional(),
        b: z.number().optional(),
        c: z.boolean().optional(),
        d: z.array(z.string()).optional(),
        e: z.record(z.string(), z.string()).optional(),
        f: z.enum(["x", "y"]).optional(),
      }),
      output: z.object({ text: z.string() }),
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      run: ({ text }) => Promise.resolve({ text }),
    }),
  );
}

/** Takes everything and keeps nothing: what a call costs without its record. */
function forgetful(): SessionStore {
  const session = {
    id: "ses_0",
    createdAt: 0,
    lastUsedAt: 0,
    expiresAt: Number.MAX_SAFE_INTEGER,
    labels: {},
    metadata: {},
  };
  const store: Partial<SessionStore> = {
    openSession: () => Promise.resolve(session),
    touchSession: () => Promise.resolve(session),
    startExecution: () => Promise.resolve({ id: "exe_0", lease: null, startedAt: 0 }),
    endExecution: () => Promise.resolve(),
    location: "nowhere",
  };
  return store as SessionStore;
}
