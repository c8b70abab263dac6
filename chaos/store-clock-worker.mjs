/**
 * Does in a store what it is told, a word a line on stdin, and answers each with a line: `node store-clock-worker.mjs
 * <folder> <leaseMs>`. The wall clock under it jumps meanwhile.
 */
import { createInterface } from "node:readline";
import { loadSession, loadStorage } from "./store-parts.mjs";

const [folder, leaseMs] = process.argv.slice(2);
const { openStorage } = await loadStorage();
const { createSessionStore } = await loadSession();
const storage = await openStorage(`sqlite:${folder}/`);
const store = createSessionStore(storage, { jobLeaseMs: Number(leaseMs) });
const held = { session: "", execution: "", lease: undefined };

const acts = {
  open: async () => (held.session = (await store.openSession()).id),
  use: async () => (await store.touchSession(held.session)).id,
  begin: async () => {
    const start = {
      sessionId: held.session,
      tool: "chaos_tool",
      correlationId: "c",
      dryRun: false,
      input: {},
      job: false,
    };
    return (held.execution = (await store.startExecution(start)).id);
  },
  end: async () => {
    await store.endExecution(held.execution, { status: "completed", result: null });
    const [{ durationMs }] = await store.history({ sessionId: held.session, limit: 1 });
    return `duration ${durationMs}`;
  },
  claim: async () => {
    const job = await store.claimJob();
    held.lease = job.lease;
    // As the runtime does while a job runs.
    setInterval(() => void store.renewJob(job.lease).catch(() => {}), Number(leaseMs) / 4).unref();
    return job.id;
  },
  queue: async () => (await store.queueJob({ sessionId: held.session, tool: "chaos_tool", work: null })).id,
  look: async (id) => (await store.getJob(id)).status,
  time: async () => new Date().toISOString(),
  close: async () => {
    await storage.close();
    return "closed";
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...rest] = line.split(" ");
  const answer = await acts[word](...rest).catch((error) => `refused ${error.code ?? error.message}`);
  process.stdout.write(`${answer}\n`);
  if (word === "close") break;
}
process.exit(0);
