/**
 * kill -9 at random moments of a process in which four sessions call, and at every named failpoint of the storage.
 *
 * One oracle after each: the next start takes under two seconds; whatever was acknowledged is there as it was
 * acknowledged; what was under way is interrupted; each settled key has exactly one effect and every other none; SQLite
 * finds nothing wrong.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "./random.mjs";
import { checkFile, loadSession, loadStorage, newProof, start, until } from "./store-parts.mjs";

const START_MS = 2000;
const LONGEST_LIFE_MS = 400;
/** The keeper's thread is there after a second. */
const LONG_LIFE_MS = 2500;

const { openStorage } = await loadStorage();
const { createSessionStore } = await loadSession();

export async function run({ seed, small }) {
  const random = createRandom(seed);
  return [await killAtRandom(random, small ? 15 : 500), await killAtFailpoints(random)];
}

function newWorld() {
  const folder = mkdtempSync(join(tmpdir(), "store-kills-"));
  mkdirSync(join(folder, "store"));
  mkdirSync(join(folder, "effects"));
  return { folder, settled: new Map() };
}

async function killAtRandom(random, count) {
  const proof = newProof("kill -9 at random moments");
  const world = newWorld();
  let slowest = 0;
  try {
    for (let at = 0; at < count; at += 1) {
      const isLong = random.below(8) === 0;
      const after = random.below(isLong ? LONG_LIFE_MS : LONGEST_LIFE_MS);
      const more = isLong ? ["keeper"] : [];
      const writer = start(new URL("./store-kills-writer.mjs", import.meta.url), [
        world.folder,
        random.below(2 ** 30),
        ...more,
      ]);
      // Now and then in the midst of its start.
      const isEarly = random.below(10) === 0;
      if (!isEarly)
        await until("the writer is ready", () => writer.lines.includes("ready") || writer.child.exitCode !== null);
      await sleep(after);
      const told = `kill ${at}, after ${after} ms${isEarly ? " of its start" : ""}`;
      writer.child.kill("SIGKILL");
      const { signal, errors } = await writer.ended;
      proof.count += 1;
      if (signal === "SIGKILL") proof.fired += 1;
      else proof.failures.push(`${told}: it ended before it was killed: ${errors.slice(-600)}`);
      slowest = Math.max(slowest, await check(proof, world, { told, lines: writer.lines }));
    }
  } finally {
    rmSync(world.folder, { recursive: true, force: true });
  }
  proof.name += ` (the slowest start after it took ${Math.round(slowest)} ms)`;
  return proof;
}

/** The names as storage's own file lists them: a new one is found here. */
function failpointNames() {
  const source = readFileSync(new URL("../packages/storage/src/failpoint.ts", import.meta.url), "utf8");
  return [...source.matchAll(/^ *\| "([\w.]+)"/gm)].map(([, name]) => name);
}

async function killAtFailpoints(random) {
  const proof = newProof("kill -9 at every failpoint");
  for (const name of failpointNames()) {
    const world = newWorld();
    try {
      const nth = name.startsWith("journal.append") ? 1 + random.below(50) : 1;
      const writer = start(new URL("./store-kills-writer.mjs", import.meta.url), [
        world.folder,
        random.below(2 ** 30),
        name,
        nth,
      ]);
      const { signal, errors } = await writer.ended;
      proof.count += 1;
      if (signal === "SIGKILL") proof.fired += 1;
      else proof.failures.push(`${name}: it was not met: ${errors.slice(-600)}`);
      // With retention and restored backups what is old may be gone: what is left must be sound.
      const lines = name.startsWith("restore.") || name.startsWith("prune.") ? [] : writer.lines;
      await check(proof, world, { told: name, lines, isPruned: true });
    } finally {
      rmSync(world.folder, { recursive: true, force: true });
    }
  }
  return proof;
}

/** @returns how long the start took, in milliseconds */
async function check(proof, world, { told, lines, isPruned = false }) {
  const url = `sqlite:${world.folder}/store/`;
  const begun = performance.now();
  let storage;
  try {
    storage = await openStorage(url);
    const store = createSessionStore(storage);
    await store.recoverInterrupted();
    const lasted = performance.now() - begun;
    if (lasted > START_MS) proof.failures.push(`${told}: the start took ${Math.round(lasted)} ms`);
    await undoLeft(store, world.folder);
    const found = await compare(store, lines, isPruned);
    found.push(...checkEffects(world, lines));
    await storage.close();
    for (const name of ["state.db", "record.db", "shared.db"]) {
      const word = checkFile(join(world.folder, "store", name), "quick_check");
      if (word !== "ok") found.push(`${name}: ${word}`);
    }
    for (const problem of found.slice(0, 5)) proof.failures.push(`${told}: ${problem}`);
    return lasted;
  } catch (error) {
    proof.failures.push(`${told}: ${error.code ?? error.name} ${error.message}`);
    await storage?.close().catch(() => {
      // The failure above is what counts.
    });
    return 0;
  }
}

async function undoLeft(store, folder) {
  for (const { executionId, notes } of await store.claimUndoTasks()) {
    for (const { file } of notes) rmSync(join(folder, "effects", file), { force: true });
    await store.clearUndo(executionId);
  }
}

const said = (lines, word) => lines.map((line) => line.split(" ")).filter(([first]) => first === word);

async function compare(store, lines, isPruned) {
  const problems = [];
  for (const [, id] of said(lines, "session"))
    if ((await store.findSession(id)) === undefined) problems.push(`the session ${id} is lost`);
  if (!isPruned) problems.push(...(await compareExecutions(store, lines)));
  const ended = new Set(said(lines, "jobended").map(([, id]) => id));
  const jobs = new Set(["queued", "claimed", "begun"].flatMap((word) => said(lines, word).map(([, id]) => id)));
  for (const id of jobs) {
    const job = await store.getJob(id).catch((error) => ({ status: error.code }));
    if (ended.has(id) && job.status !== "completed") problems.push(`the job ${id} was completed and is ${job.status}`);
    if (!["pending", "completed", "interrupted"].includes(job.status)) problems.push(`the job ${id} is ${job.status}`);
  }
  const claims = said(lines, "claimed").map(([, id]) => id);
  if (new Set(claims).size !== claims.length) problems.push("a job was given out twice");
  return problems;
}

async function compareExecutions(store, lines) {
  const problems = [];
  const sessions = said(lines, "session").map(([, id]) => id);
  const found = new Map();
  for (const sessionId of sessions) {
    for (let before; ;) {
      const page = await store.history({ sessionId, limit: 1000, ...(before === undefined ? {} : { before }) });
      for (const execution of page) {
        if (found.has(execution.id)) problems.push(`the execution ${execution.id} is there twice`);
        found.set(execution.id, execution.status);
      }
      if (page.length < 1000) break;
      before = page.at(-1).id;
    }
  }
  for (const [, , id] of said(lines, "started")) if (!found.has(id)) problems.push(`the execution ${id} is lost`);
  for (const [, , id, status] of said(lines, "ended"))
    if (found.get(id) !== status) problems.push(`the execution ${id} ended as ${status} and is ${found.get(id)}`);
  for (const [id, status] of found) if (status === "running") problems.push(`the execution ${id} still runs`);
  return problems;
}

/** Settled keys over the whole life of the world: one effect each, of the execution that was acknowledged. */
function checkEffects({ folder, settled }, lines) {
  const problems = [];
  for (const [, key, id] of [...said(lines, "settled"), ...said(lines, "replayed")]) {
    if (settled.has(key) && settled.get(key) !== id)
      problems.push(`${key} was settled by ${settled.get(key)} and by ${id}`);
    settled.set(key, id);
  }
  const effects = new Map();
  for (const file of readdirSync(join(folder, "effects"))) {
    const [key, id] = file.split(".");
    effects.set(key, [...(effects.get(key) ?? []), id]);
  }
  for (const [key, ids] of effects) if (ids.length > 1) problems.push(`${key} has ${ids.length} effects`);
  for (const [key, id] of settled) {
    if ((effects.get(key) ?? []).includes(id)) continue;
    problems.push(`${key} was settled by ${id}, and its effect is undone`);
    // Told once, not after each later kill.
    settled.delete(key);
  }
  return problems;
}
