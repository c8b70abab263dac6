/** Promises, which wait for the disk: many at once, which share their commits, beside one commit each. */
import { compare } from "./measure.mjs";
import { openRecordedCalls } from "./recorded-calls.mjs";

const PROMISES = 64;

export async function run() {
  const { storage, close } = await openRecordedCalls({});
  const promised = { package: "bench", record: [], state: [{ id: "0001", statements: [TABLE] }] };
  try {
    storage.migrate(promised);
    const { state } = storage;
    let id = 0;
    const promise = () => state.write(() => state.statements.run(`INSERT INTO bench VALUES (${(id += 1)}, 'kept')`));
    return [
      await compare({
        name: `${PROMISES} promises at once`,
        ours: () => Promise.all(Array.from({ length: PROMISES }, promise)),
        baseline: {
          name: "one commit each",
          call: async () => {
            for (let at = 0; at < PROMISES; at += 1) await promise();
          },
        },
        calls: 10,
        gate: { ratio50: 1 / 3 },
      }),
    ];
  } finally {
    await close();
  }
}

const TABLE = "CREATE TABLE bench (id INTEGER PRIMARY KEY, word TEXT NOT NULL) STRICT";
