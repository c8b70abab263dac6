/**
 * What the runtime adds to a tool call: parsing, the session, the record of its begin and end, the context, the check of
 * the result and its publication. Four sessions call in turn, in a record of a million executions.
 */
import { measureTime } from "./measure.mjs";
import { openRecordedCalls } from "./recorded-calls.mjs";

const EXECUTIONS = 1_000_000;

export async function run() {
  const calls = await openRecordedCalls({ executions: EXECUTIONS });
  const name = `what the runtime adds to a call, ${EXECUTIONS} executions`;
  try {
    return [
      await measureTime({ name: `${name}, hot`, call: calls.call, allowed: { p95: 0.15 }, calls: 3000 }),
      await measureTime({
        name: `${name}, 10 ms between calls`,
        call: calls.call,
        allowed: { p95: 0.25 },
        calls: 200,
        gapMs: 10,
      }),
    ];
  } finally {
    await calls.close();
  }
}
