/**
 * Works with the session's store until it is killed, and says on stdout what was acknowledged, when it was.
 * `node store-kills-writer.mjs <folder> <seed> [keeper | failpoint nth]`; the folder holds `store` and `effects`.
 *
 * Four sessions call at once, as the runtime does: an effect is announced by an undo note before it is made, its key is
 * settled after, then the execution is ended, then the note is forgotten.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "./random.mjs";
import { loadSession, loadStorage } from "./store-parts.mjs";

const [folder, seed, failpoint, nth] = process.argv.slice(2);
const random = createRandom(Number(seed));
const say = (...words) => process.stdout.write(`${words.join(" ")}\n`);
const url = `sqlite:${folder}/store/`;

const hasKeeper = failpoint === "keeper";
if (failpoint !== undefined && !hasKeeper) armFailpoint(failpoint, Number(nth));
const { openStorage, restoreBackup } = await loadStorage();
const { createSessionStore } = await loadSession();
if (failpoint === undefined || hasKeeper) await workForever();
else await workOnce();

function armFailpoint(name, count) {
  let met = 0;
  globalThis[Symbol.for("container-kit.failpoint")] = (place) => {
    if (place !== name || (met += 1) < count) return;
    process.kill(process.pid, "SIGKILL");
  };
}

async function workForever() {
  const keeper = hasKeeper ? { keeper: new URL("./store-kills-keeper.mjs", import.meta.url) } : {};
  const storage = await openStorage(url, keeper);
  const store = createSessionStore(storage);
  await recover(store);
  say("ready");
  await Promise.all([1, 2, 3, 4].map((lane) => workAs(store, lane, Infinity)));
}

/** For a failpoint: everything that has one, once and again, then the end. */
async function workOnce() {
  for (let round = 0; round < 3; round += 1) {
    const storage = await openStorage(url, { retention: { maxCount: 20 } });
    const store = createSessionStore(storage);
    await recover(store);
    for (let turn = 0; turn < 3; turn += 1) {
      await Promise.all([1, 2, 3, 4].map((lane) => workAs(store, lane, 25)));
      // Statistics bring everything in first.
      await store.statistics();
      await storage.backup();
      await sleep(400);
    }
    const [newest] = storage.backups();
    await storage.close();
    await restoreBackup(url, newest.name);
  }
  say("unmet");
}

async function recover(store) {
  await store.recoverInterrupted();
  for (const { executionId, notes } of await store.claimUndoTasks()) {
    for (const { file } of notes) rmSync(join(folder, "effects", file), { force: true });
    await store.clearUndo(executionId);
  }
}

async function workAs(store, lane, rounds) {
  const { id: session } = await store.openSession({ labels: { lane: String(lane) } });
  say("session", session);
  const acts = [plain, plain, plain, keyed, keyed, queued, adopted];
  for (let round = 0; round < rounds; round += 1) {
    await random.pick(acts)(store, session);
    if (random.below(40) === 0) await store.statistics();
    await nextTurn();
  }
}

function startOf(sessionId, job = false) {
  const input = { filler: "x".repeat(random.below(400)) };
  return { sessionId, tool: "chaos_tool", correlationId: "c", dryRun: false, input, job };
}

async function plain(store, session) {
  const { id } = await store.startExecution(startOf(session));
  say("started", session, id);
  const failed = random.below(4) === 0;
  const error = { code: "INTERNAL_ERROR", category: "internal", message: "x", retryable: false, remedy: "y" };
  await store.endExecution(id, failed ? { status: "failed", error } : { status: "completed", result: { id } });
  say("ended", session, id, failed ? "failed" : "completed");
}

async function keyed(store, session) {
  // Few keys, so that those which a kill left are asked for again.
  const key = `key-${random.below(60)}-${Math.floor(Date.now() / 20_000)}`;
  const { id } = await store.startExecution(startOf(session));
  const claim = await store.claimIdempotencyKey(key, "print", id);
  if (claim.state === "claimed") {
    const file = `${key}.${id}`;
    await store.noteUndo(id, { file });
    writeFileSync(join(folder, "effects", file), "", { flag: "wx" });
    await store.settleIdempotencyKey(key, { id });
    say("settled", key, id);
    // Other calls have their turns before this one's end is recorded.
    if (random.below(4) === 0) await sleep(random.below(10));
  }
  if (claim.state === "settled") say("replayed", key, claim.outcome.id);
  await store.endExecution(id, { status: "completed", result: null });
  say("ended", session, id, "completed");
  await store.clearUndo(id);
}

async function queued(store, session) {
  const { id } = await store.queueJob({ sessionId: session, tool: "chaos_tool", work: { session } });
  say("queued", id);
  const claimed = await store.claimJob({ tools: ["chaos_tool"] });
  if (claimed === undefined) return;
  say("claimed", claimed.id, claimed.lease.fence);
  store.reportProgress(claimed.lease, { message: "half", current: 1, total: 2 });
  await nextTurn();
  await store.endJob(claimed.lease, { status: "completed", outcome: { id: claimed.id } });
  say("jobended", claimed.id, "completed");
}

async function adopted(store, session) {
  const { id, lease } = await store.startExecution(startOf(session, true));
  say("begun", lease.jobId);
  await store.endExecution(id, { status: "completed", result: null });
  say("ended", session, id, "completed");
  await store.endJob(lease, { status: "completed", outcome: null });
  say("jobended", lease.jobId, "completed");
}
