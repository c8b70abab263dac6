/**
 * A process of its own that uses the store, for tests that kill it: `worker MODE URL`. It says each thing that
 * was acknowledged as one line of JSON.
 */
import { openStorage } from "@container-kit/storage";
import { createSessionStore } from "../src/index.ts";

const [mode, url = ""] = process.argv.slice(2);

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

/** Opens the store at a moment that all workers agree on. */
async function openAt(moment: number): Promise<void> {
  while (Date.now() < moment);
  const storage = await openStorage(url);
  const session = await createSessionStore(storage).openSession();
  say({ session: session.id });
  await storage.close();
}

/** Uses the store and leaves without closing it. */
async function leaveOpen(): Promise<void> {
  const store = createSessionStore(await openStorage(url));
  const session = await store.openSession();
  const { id } = await start(store, session.id, false);
  await store.touchSession(session.id);
  await store.endExecution(id, { status: "completed", result: null });
  say({ session: session.id });
}

/** Begins work of each kind, then goes on until it is killed. */
async function work(): Promise<void> {
  const store = createSessionStore(await openStorage(url));
  const { id: session } = await store.openSession();
  say({ session });
  const job = await start(store, session, true);
  await store.reportProgress(job.jobId ?? "", { message: "half", current: 1, total: 2 });
  await store.claimIdempotencyKey("pending", "print", job.id);
  const settled = await start(store, session, true);
  await store.claimIdempotencyKey("settled", "print", settled.id);
  await store.settleIdempotencyKey("settled", { digest: "sha256:1" });
  await store.endExecution(settled.id, { status: "completed", result: { digest: "sha256:1" } });
  say({ running: job, completed: settled.id });
  for (;;) {
    const { id } = await start(store, session, false);
    say({ started: id });
    await store.endExecution(id, { status: "completed", result: { id } });
    say({ ended: id });
    // Lets the pipe and the timers have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

type Store = ReturnType<typeof createSessionStore>;

function start(store: Store, sessionId: string, job: boolean): ReturnType<Store["startExecution"]> {
  return store.startExecution({ sessionId, tool: "push_image", correlationId: "c", dryRun: false, input: {}, job });
}

const modes: Readonly<Record<string, () => Promise<void>>> = {
  work,
  leave: leaveOpen,
  open: () => openAt(Number(process.argv[4])),
};

modes[mode ?? ""]?.().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
