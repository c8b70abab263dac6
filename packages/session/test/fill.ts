import type { Storage } from "@container-kit/storage";
import { KINDS, withText } from "../src/entries.ts";
import { ExecutionSequence } from "../src/ids.ts";
import { createSessionStore } from "../src/index.ts";

/** How a record is filled. */
export interface FillOptions {
  readonly executions: number;
  /** How many sessions they are spread over. Default 100. */
  readonly sessions?: number;
  /** How many tools. Default 20. */
  readonly tools?: number;
  /** Over how long a time, up to now, in milliseconds. Default 20 days. */
  readonly overMs?: number;
}

const BATCH = 20_000;
const RUN = 50;

/**
 * Makes executions as fast as lines can be appended and brought into the tables: for benches and tests of large records.
 * One of twenty fails. Returns the ids of the sessions.
 */
export async function fillRecord(storage: Storage, options: FillOptions): Promise<readonly string[]> {
  const { executions, sessions = 100, tools = 20, overMs = 20 * 24 * 60 * 60 * 1000 } = options;
  const store = createSessionStore(storage);
  const ids: string[] = [];
  for (let index = 0; index < sessions; index += 1) ids.push((await store.openSession()).id);
  const sequence = new ExecutionSequence();
  const began = Date.now() - overMs;
  const input = JSON.stringify({ image: "localhost:5000/app:1", platform: "linux/amd64", padding: "x".repeat(140) });
  const result = JSON.stringify({ digest: `sha256:${"0".repeat(64)}`, padding: "x".repeat(300) });
  const error = JSON.stringify({
    code: "BUILD_FAILED",
    category: "build",
    message: "step 3",
    retryable: false,
    remedy: "Read the log.",
  });
  for (let index = 0; index < executions; index += 1) {
    const at = Math.floor(began + (overMs * index) / executions);
    const id = sequence.next(at, 0);
    // In runs, as clients work; each batch then touches few rows of the counts.
    const session = ids[Math.floor((index * sessions) / executions)] ?? "";
    const tool = `tool_${Math.floor(index / RUN) % tools}`;
    const ms = 1 + ((index * 7919) % 1000);
    const ended = { id, at: at + ms, ms };
    storage.record.append(
      KINDS.start,
      withText({ id, session, owner: 0, tool, correlation: `cor_${index}`, at }, "input", input),
    );
    const end =
      index % 20 === 0
        ? withText({ ...ended, status: "failed", code: "BUILD_FAILED" }, "error", error)
        : withText({ ...ended, status: "completed" }, "result", result);
    storage.record.append(KINDS.end, end);
    if (index % BATCH === BATCH - 1) await storage.record.catchUp();
  }
  await storage.record.catchUp();
  return ids;
}
