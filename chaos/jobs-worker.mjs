/**
 * Takes jobs out of a store that others share, until it is told to end: `node jobs-worker.mjs <folder> <leaseMs> [slow|hold]`.
 * Each effect is a line in a file. With `slow` a job takes some milliseconds. With `hold` it takes one job, says so,
 * and ends it only when a line comes: it is stopped meanwhile.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadSession, loadStorage } from "./store-parts.mjs";

const [folder, leaseMs, mode] = process.argv.slice(2);
const say = (...words) => process.stdout.write(`${words.join(" ")}\n`);
const { openStorage } = await loadStorage();
const { createSessionStore } = await loadSession();
const storage = await openStorage(`sqlite:${join(folder, "store")}/`);
const store = createSessionStore(storage, { jobLeaseMs: Number(leaseMs) });

say("ready");
const ended = new AbortController();
process.stdin.once("data", () => ended.abort());
if (mode === "hold") await holdOne();
else await takeJobs();
await storage.close();
say("end");
process.exit(0);

async function takeJobs() {
  while (!ended.signal.aborted) {
    const job = await store.claimJob();
    if (job === undefined) {
      await sleep(5);
      continue;
    }
    if (mode === "slow") await sleep(5 + (job.work.number % 40));
    // One line is one write: what is there twice was done twice.
    appendFileSync(join(folder, "effects"), `${job.id} ${job.work.number} ${process.pid}\n`);
    store.reportProgress(job.lease, { message: "done", current: 1, total: 1 });
    await store.endJob(job.lease, { status: "completed", outcome: { number: job.work.number } });
  }
}

async function holdOne() {
  const job = await store.claimJob();
  say("holds", job.id, job.lease.fence);
  // Stopped here for longer than its lease: it does not know when it goes on.
  while (!ended.signal.aborted) await sleep(20);
  for (const [word, act] of [
    ["renew", () => store.renewJob(job.lease)],
    ["end", () => store.endJob(job.lease, { status: "completed", outcome: "late" })],
  ])
    say(
      word,
      await act().then(
        () => "taken",
        (error) => error.code,
      ),
    );
}
