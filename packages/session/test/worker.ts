/**
 * A process of its own that uses the store, for tests that kill or hold it: `worker MODE URL [ARGUMENT]`. It says each
 * thing that was acknowledged as one line of JSON.
 *
 * - `work` begins work of each kind, then makes calls until it is killed
 * - `leave` uses the store and leaves without closing it
 * - `open` opens the store at the moment ARGUMENT
 * - `jobs` claims and ends jobs until none is pending
 * - `hold` claims a job and renews it until it is refused
 * - `delete` deletes a session and is killed at the failpoint ARGUMENT
 * - `die` opens the store and is killed at the failpoint ARGUMENT
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isKitError } from "@container-kit/errors";
import { openStorage } from "@container-kit/storage";
import { createSessionStore } from "../src/index.ts";
import type { SessionStore, StartedExecution } from "../src/index.ts";

const [mode = "", url = "", argument = ""] = process.argv.slice(2);

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function openStore(): Promise<SessionStore> {
  return createSessionStore(await openStorage(url));
}

function start(store: SessionStore, sessionId: string, job: boolean): Promise<StartedExecution> {
  return store.startExecution({ sessionId, tool: "push_image", correlationId: "c", dryRun: false, input: {}, job });
}

async function openAt(moment: number): Promise<void> {
  while (Date.now() < moment);
  const storage = await openStorage(url);
  const session = await createSessionStore(storage).openSession();
  say({ session: session.id });
  await storage.close();
}

async function leaveOpen(): Promise<void> {
  const store = await openStore();
  const session = await store.openSession();
  const { id } = await start(store, session.id, false);
  await store.touchSession(session.id);
  await store.endExecution(id, { status: "completed", result: null });
  say({ session: session.id });
}

async function work(): Promise<void> {
  const store = await openStore();
  const { id: session } = await store.openSession();
  say({ session });
  const running = await start(store, session, true);
  if (running.lease !== null) store.reportProgress(running.lease, { message: "half", current: 1, total: 2 });
  await store.claimIdempotencyKey("pending", "print", running.id);
  for (const tag of ["a", "b"]) await store.noteUndo(running.id, { tag });
  await store.failUndo(running.id);
  const completed = await start(store, session, true);
  await store.claimIdempotencyKey("settled", "print", completed.id);
  await store.noteUndo(completed.id, { tag: "kept" });
  await store.settleIdempotencyKey("settled", { digest: "sha256:1" });
  await store.noteUndo(completed.id, { tag: "after" });
  await store.endExecution(completed.id, { status: "completed", result: { digest: "sha256:1" } });
  // Its job has not ended, and its note is not cleared: a kill may come here.
  say({ running, completed });
  for (;;) {
    const { id } = await start(store, session, false);
    say({ started: id });
    await store.endExecution(id, { status: "completed", result: { id } });
    say({ ended: id });
    // Lets the pipe and the timers have their turn, and the other processes of a test.
    await sleep(1);
  }
}

async function doJobs(): Promise<void> {
  const storage = await openStorage(url);
  const store = createSessionStore(storage);
  say({ ready: true });
  for (let job = await store.claimJob(); job !== undefined; job = await store.claimJob()) {
    const { id } = await start(store, job.sessionId, false);
    await store.endExecution(id, { status: "completed", result: { job: job.id } });
    await store.endJob(job.lease, { status: "completed", outcome: { by: process.pid } });
    say({ done: job.id });
  }
  await storage.close();
}

async function hold(): Promise<void> {
  const storage = await openStorage(url);
  const store = createSessionStore(storage);
  const job = await store.claimJob();
  if (job === undefined) throw new Error("there is no job to hold");
  for (;;) {
    const refusal = await store.renewJob(job.lease).then(() => undefined, codeOf);
    if (refusal === undefined) {
      // Whoever stops this process does so now: one that is stopped in a commit keeps the file locked.
      say({ renewed: job.id });
      await sleep(300);
      continue;
    }
    const late = await store.endJob(job.lease, { status: "completed", outcome: "late" }).then(() => undefined, codeOf);
    say({ refusal, late });
    return storage.close();
  }
}

function codeOf(error: unknown): string {
  return isKitError(error) ? error.code : String(error);
}

function dieAt(failpoint: string): void {
  const hook = (name: string): void => {
    if (name === failpoint) process.kill(process.pid, "SIGKILL");
  };
  Object.assign(globalThis, { [Symbol.for("container-kit.failpoint")]: hook });
}

async function die(): Promise<void> {
  dieAt(argument);
  await openStore();
  say({ survived: true });
}

async function deleteAndDie(): Promise<void> {
  const store = await openStore();
  const { id } = await store.openSession();
  const { id: execution } = await start(store, id, false);
  await store.endExecution(execution, { status: "completed", result: null });
  await store.workspace(id);
  say({ session: id });
  dieAt(argument);
  await store.deleteSession(id);
  say({ survived: true });
}

const modes: Readonly<Record<string, () => Promise<void>>> = {
  work,
  leave: leaveOpen,
  open: () => openAt(Number(argument)),
  jobs: doJobs,
  hold,
  die,
  delete: deleteAndDie,
};

modes[mode]?.().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
