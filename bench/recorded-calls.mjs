/** Calls of a tool that does nothing, in this process, with their record: what the runtime adds to a call. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fillRecord } from "./fill-record.mjs";
import { buildBenchParts } from "./our-server.mjs";

/**
 * Opens a runtime on a record of so many executions.
 *
 * @returns one call of the next of so many sessions in turn, and `close`, which removes everything
 */
export async function openRecordedCalls({ executions = 0, sessions = 4 }) {
  const parts = buildBenchParts();
  const { openBench } = parts.loadTools();
  const folder = mkdtempSync(join(tmpdir(), "recorded-"));
  if (executions > 0) await prefill(openBench, folder, executions);
  const bench = await openBench(folder);
  const ids = await Promise.all(Array.from({ length: sessions }, async () => (await bench.sessions.openSession()).id));
  let next = 0;
  const call = async () => {
    next = (next + 1) % ids.length;
    const outcome = await bench.runtime.execute({ tool: "no_op", input: { text: "x", sessionId: ids[next] } });
    if (!outcome.ok) throw new Error(outcome.error.message);
  };
  const close = async () => {
    await bench.close();
    rmSync(folder, { recursive: true, force: true });
    parts.remove();
  };
  return { call, close, storage: bench.storage };
}

/** One execution through the runtime, and copies of it. */
async function prefill(openBench, folder, executions) {
  const bench = await openBench(folder);
  await bench.runtime.execute({ tool: "no_op", input: { text: "x" } });
  await bench.storage.record.catchUp();
  await bench.close();
  const filled = fillRecord(folder, executions);
  if (filled <= executions) throw new Error(`expected more than ${executions} executions, found ${filled}`);
}
