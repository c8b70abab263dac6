/**
 * Four processes on one store and many jobs: none is done twice, none is lost, also when workers are killed; and an owner
 * that was stopped for longer than its lease writes nothing when it goes on.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "./random.mjs";
import { loadSession, loadStorage, newProof, start, until } from "./store-parts.mjs";

const WORKERS = 4;
const LEASE_MS = 1000;

const { openStorage } = await loadStorage();
const { createSessionStore } = await loadSession();

export async function run({ seed, small }) {
  const random = createRandom(seed);
  return [
    await withStore((world) => proveShared(world, small ? 300 : 3000)),
    await withStore((world) => proveKilled(world, random, small ? 150 : 1000)),
    await withStore((world) => provePaused(world, small ? 1 : 10)),
  ];
}

async function withStore(prove) {
  const folder = mkdtempSync(join(tmpdir(), "jobs-chaos-"));
  mkdirSync(join(folder, "store"));
  const storage = await openStorage(`sqlite:${join(folder, "store")}/`);
  try {
    const store = createSessionStore(storage, { jobLeaseMs: LEASE_MS });
    const { id: sessionId } = await store.openSession();
    return await prove({ folder, store, sessionId });
  } finally {
    await storage.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const begin = ({ folder }, ...more) =>
  start(new URL("./jobs-worker.mjs", import.meta.url), [folder, LEASE_MS, ...more]);

async function queue({ store, sessionId }, count) {
  const ids = [];
  for (let number = 0; number < count; number += 100) {
    const some = Array.from({ length: Math.min(100, count - number) }, (_, at) =>
      store.queueJob({ sessionId, tool: "chaos_tool", work: { number: number + at } }),
    );
    ids.push(...(await Promise.all(some)).map(({ id }) => id));
  }
  return ids;
}

/** Which process did each job, from the effects. */
function effectsIn(folder) {
  const effects = new Map();
  for (const line of readFileSync(join(folder, "effects"), "utf8").split("\n").filter(Boolean)) {
    const [id, , pid] = line.split(" ");
    effects.set(id, [...(effects.get(id) ?? []), pid]);
  }
  return effects;
}

/** Tells the workers to end, and waits until they have. */
async function end(proof, workers) {
  for (const { child } of workers) child.stdin.write("end\n");
  for (const { ended } of workers) {
    const { code, errors } = await ended;
    if (code !== 0) proof.failures.push(`a worker ended with ${code}: ${errors.slice(-600)}`);
  }
}

async function proveShared(world, count) {
  const proof = newProof(`${WORKERS} processes and ${count} jobs`);
  const workers = Array.from({ length: WORKERS }, () => begin(world));
  // Otherwise the first to be there may do them all before another comes.
  await until("the workers are ready", () => workers.every(({ lines }) => lines.includes("ready")));
  const ids = await queue(world, count);
  await until(
    "all jobs are done",
    async () => (await world.store.listJobs({ active: true, limit: 1 })).length === 0,
    300_000,
  );
  await end(proof, workers);
  const effects = effectsIn(world.folder);
  proof.count = count;
  for (const id of ids) {
    const done = effects.get(id) ?? [];
    const { status } = await world.store.getJob(id);
    if (done.length !== 1 || status !== "completed")
      proof.failures.push(`${id} is ${status} and was done ${done.length} times, by ${done.join(" ")}`);
  }
  // What is proved is that they compete: each of them has had some.
  const shares = new Set([...effects.values()].flat());
  proof.fired = shares.size === WORKERS ? count : 0;
  return proof;
}

/** Workers are killed and replaced all the time: a job may be interrupted, but then it was not done twice, nor lost. */
async function proveKilled(world, random, count) {
  const proof = newProof("workers that are killed in the midst of jobs");
  const ids = await queue(world, count);
  const workers = Array.from({ length: WORKERS }, () => begin(world, "slow"));
  const active = async () => (await world.store.listJobs({ active: true, limit: 1 })).length > 0;
  let kills = 0;
  for (const deadline = performance.now() + 300_000; (await active()) && performance.now() < deadline;) {
    const at = random.below(WORKERS);
    await until("a worker is ready", () => workers[at].lines.includes("ready"));
    await sleep(random.below(100));
    workers[at].child.kill("SIGKILL");
    await workers[at].ended;
    kills += 1;
    workers[at] = begin(world, "slow");
  }
  await end(proof, workers);
  await world.store.recoverInterrupted();
  const effects = effectsIn(world.folder);
  proof.count = count;
  for (const id of ids) {
    const done = effects.get(id)?.length ?? 0;
    const { status } = await world.store.getJob(id);
    if (status === "interrupted") proof.fired += 1;
    const isRight = status === "completed" ? done === 1 : status === "interrupted" && done <= 1;
    if (!isRight) proof.failures.push(`${id} is ${status} and was done ${done} times`);
  }
  proof.name += ` (${kills} kills)`;
  return proof;
}

async function provePaused(world, count) {
  const proof = newProof("an owner that was stopped for longer than its lease");
  for (let at = 0; at < count; at += 1) await pauseOnce(proof, world);
  return proof;
}

async function pauseOnce(proof, world) {
  const [id] = await queue(world, 1);
  const owner = begin(world, "hold");
  await until("the owner holds the job", () => owner.lines.some((line) => line.startsWith("holds ")));
  owner.child.kill("SIGSTOP");
  proof.count += 1;
  try {
    const taken = async () => (await world.store.getJob(id)).status === "interrupted";
    await until("the lease has run out", taken, 20 * LEASE_MS);
    proof.fired += 1;
  } catch (error) {
    proof.failures.push(error.message);
  } finally {
    owner.child.kill("SIGCONT");
  }
  await end(proof, [owner]);
  const answers = owner.lines.filter((line) => /^(?:renew|end) /.test(line));
  if (answers.join(", ") !== "renew CONFLICT, end CONFLICT")
    proof.failures.push(`the late owner got: ${answers.join(", ")}`);
  const { status, outcome } = await world.store.getJob(id);
  if (status !== "interrupted" || outcome !== null)
    proof.failures.push(`after the late owner the job is ${status}, its outcome ${JSON.stringify(outcome)}`);
}
