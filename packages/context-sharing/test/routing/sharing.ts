/** A real context store in a folder of its own, and what a session's calls are routed by. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStorage } from "@container-kit/storage";
import { afterEach } from "vitest";
import { createContextStore } from "../../src/entries/context-store.ts";
import type { ContextStore } from "../../src/entries/types.ts";
import type { BusEvent, NewEvent } from "../../src/events/types.ts";
import { createFailureRouting } from "../../src/routing/failure-routing.ts";
import { createRouter } from "../../src/routing/router.ts";
import type { FailedCall, FailureRouting, RouterOptions, SucceededCall } from "../../src/routing/types.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A folder that is removed after the test. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "routing-"));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The store of a folder, as one more process would open it. */
export async function openContext(folder: string, clock?: () => number): Promise<ContextStore> {
  const storage = await openStorage(`sqlite:${folder}/`);
  closers.push(() => storage.close());
  return createContextStore(storage, clock === undefined ? {} : { clock });
}

/** What a session is routed by. */
export interface Sharing {
  readonly context: ContextStore;
  readonly routing: FailureRouting;
  readonly told: NewEvent[];
  /** The chains of the session. */
  chains(): Promise<readonly string[]>;
}

/** Routing on a store; by default one of its own with the default rules. */
export async function openRouting(options: RouterOptions = {}, given?: ContextStore): Promise<Sharing> {
  const context = given ?? (await openContext(await makeFolder()));
  const told: NewEvent[] = [];
  const events = {
    publish: async (event: NewEvent): Promise<BusEvent> => {
      told.push(event);
      return { ...event, id: String(told.length), cursor: String(told.length), at: 0 };
    },
  };
  const routing = createFailureRouting({ router: createRouter(options), context, events });
  const chains = async () =>
    (await context.query({ sessionId: SESSION, type: "failure_chain" })).map(({ key }) => key).sort();
  return { context, routing, told, chains };
}

export const SESSION = "ses_1";
let executions = 0;

/** A call that failed. */
export function failed(tool: string, code: string, input: Record<string, unknown> = {}): FailedCall {
  executions += 1;
  const retryable = code.startsWith("ENGINE_");
  return {
    tool,
    error: { code, category: "any", retryable, message: "it failed" },
    input,
    sessionId: SESSION,
    executionId: `exe_${executions}`,
    correlationId: "cor_1",
    autoFix: true,
  };
}

/** A call that succeeded. */
export function succeeded(
  tool: string,
  input: Record<string, unknown> = {},
  result: Record<string, unknown> = {},
): SucceededCall {
  executions += 1;
  return { tool, input, result, sessionId: SESSION, executionId: `exe_${executions}` };
}
