/**
 * Whatever the rules and whatever fails: who follows where failures are routed comes to an end, no chain of decisions is
 * longer than its budget and no route is taken twice for one cause; also when two processes decide on one chain, and
 * when they are killed between two decisions.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "./random.mjs";
import { BUDGET, failureOf, openRouting, rulesOf } from "./routing-parts.mjs";
import { inWorld, openSharing } from "./sharing-parts.mjs";
import { newProof, start, until } from "./store-parts.mjs";

const FULL_MS = 3 * 60_000;
const SMALL_MS = 3000;
/** The steps of the longest route, its first included. */
const LONGEST_ROUTE = 3;
/** A decision that does more than give up. */
const counts = (decision) => decision !== null && decision.action !== "fail";

export async function run({ seed, small }) {
  const random = createRandom(seed);
  const followed = newProof("random rules, failures and who follows them");
  await proveFollowed(followed, random, performance.now() + (small ? SMALL_MS : FULL_MS));
  return [followed, await inWorld((folder) => proveShared(folder, random, small ? 4 : 100))];
}

/** Many sets of rules, each with several who call tools that fail at random in sessions of their own. */
async function proveFollowed(proof, random, deadline) {
  let sets = 0;
  let longest = 0;
  while (performance.now() < deadline) {
    sets += 1;
    const rules = rulesOf(random, 1 + random.below(40));
    await inWorld(async (folder) => {
      const world = await openRouting(folder, { rules });
      try {
        for (let at = 0; at < 40; at += 1) {
          longest = Math.max(longest, await follow(proof, { ...world, random, told: `rules ${sets}, follower ${at}` }));
          if (at % 8 === 0) await stray(proof, { ...world, random, told: `rules ${sets}, stray ${at}` });
        }
      } finally {
        await world.close();
      }
      return proof;
    });
  }
  proof.name += ` (${sets} sets of rules, the longest way ${longest} calls)`;
}

const newCall = (sessionId) => ({
  sessionId,
  executionId: `exe_${randomUUID()}`,
  correlationId: `cor_${randomUUID()}`,
});

/**
 * One that does only as it is told: it calls what is proposed, until nothing is. Its first call's failures are one chain,
 * unless a call on the way is the begin of another one; none may be without an end.
 */
async function follow(proof, { routing, random, told }) {
  const sessionId = `ses_${randomUUID()}`;
  const goesWell = random.below(4);
  let call = { tool: failureOf(random).tool, input: { context: "/app", sessionId } };
  let decisions = 0;
  const most = (BUDGET + 1) * LONGEST_ROUTE * 4;
  for (let calls = 1; ; calls += 1) {
    if (calls > most) {
      proof.failures.push(`${told}: after ${calls} calls there was no end`);
      return calls;
    }
    const isWell = calls > 1 && random.below(8) < goesWell;
    const next = isWell
      ? await routing.succeeded({ ...newCall(sessionId), ...call, result: { done: calls } })
      : await routing.failed({ ...newCall(sessionId), ...failureOf(random, call) });
    if (!isWell && next !== null) {
      decisions += 1;
      proof.fired += 1;
    }
    const tool = next?.toTool ?? next?.tool;
    if (tool === undefined) {
      proof.count += 1;
      return calls;
    }
    checkProposal(proof, { told, sessionId, proposed: next.arguments });
    call = { tool, input: next.arguments };
    if (decisions > (BUDGET + 1) * LONGEST_ROUTE) proof.failures.push(`${told}: ${decisions} decisions`);
  }
}

function checkProposal(proof, { told, sessionId, proposed }) {
  if (proposed?.sessionId !== sessionId) proof.failures.push(`${told}: a proposal without its session`);
  if (JSON.stringify(proposed ?? {}).includes("${")) proof.failures.push(`${told}: a reference was not resolved`);
}

/** One who fails in whatever and follows nothing; afterwards its chains are read from what was told. */
async function stray(proof, { routing, bus, random, told }) {
  const sessionId = `ses_${randomUUID()}`;
  for (let at = 0; at < 40; at += 1) await routing.failed({ ...newCall(sessionId), ...failureOf(random) });
  proof.count += 1;
  checkChains(proof, { told, chains: await chainsOf(bus, sessionId) });
}

/** What was decided in each chain of a session, in its order. */
async function chainsOf(bus, sessionId) {
  const chains = new Map();
  for (let after; ;) {
    const options = { pattern: "routing.decided", sessionId, limit: 1000 };
    const page = await bus.read(after === undefined ? options : { ...options, after });
    for (const { data } of page.events) chains.set(data.chain, [...(chains.get(data.chain) ?? []), data]);
    if (page.events.length === 0) return chains;
    after = page.cursor;
  }
}

/** Of chains whose first call never succeeded. */
function checkChains(proof, { told, chains }) {
  for (const [chain, decided] of chains) {
    const used = decided.filter(counts);
    if (used.length > BUDGET) proof.failures.push(`${told}: ${used.length} decisions in the chain ${chain}`);
    const routes = used.filter(({ action }) => action === "route" || action === "ignore");
    const names = routes.map(({ rule, cause }) => `${rule} for ${cause}`);
    const twice = names.filter((name, at) => names.indexOf(name) < at);
    if (twice.length > 0) proof.failures.push(`${told}: ${twice[0]}, twice in the chain ${chain}`);
  }
}

/** Two processes decide on the same chains of one session, and are killed and replaced meanwhile. */
async function proveShared(folder, random, kills) {
  const proof = newProof("two processes on the chains of one session, killed between decisions");
  const sessionId = `ses_${randomUUID()}`;
  const lives = [];
  const begin = async () => {
    const args = [folder, sessionId, random.below(2 ** 30), spentIn(lives)];
    const worker = start(new URL("./routing-worker.mjs", import.meta.url), args);
    lives.push(worker);
    await until("a worker is ready", () => worker.lines.includes("ready") || worker.child.exitCode !== null);
    return worker;
  };
  const workers = [await begin(), await begin()];
  for (let at = 0; at < kills; at += 1) {
    const place = random.below(workers.length);
    const { child, lines, ended } = workers[place];
    await until("it has decided something", () => lines.length > 1 || child.exitCode !== null);
    await sleep(random.below(100));
    child.kill("SIGKILL");
    const { signal, errors } = await ended;
    if (signal === "SIGKILL") proof.fired += 1;
    else proof.failures.push(`a worker ended before it was killed: ${errors.slice(-600)}`);
    workers[place] = await begin();
  }
  for (const { child } of workers) child.stdin.write("end\n");
  for (const { ended } of workers) {
    const { code, errors } = await ended;
    if (code !== 0) proof.failures.push(`a worker ended with ${code}: ${errors.slice(-600)}`);
  }
  checkAnswers(proof, lives);
  const { bus, close } = await openSharing(folder);
  checkChains(proof, { told: "in the events", chains: await chainsOf(bus, sessionId) });
  await close();
  return proof;
}

const decidedIn = ({ lines }) =>
  lines.filter((line) => line.startsWith("decided ")).map((line) => line.split(" ").slice(1));

/** How many chains have spent their budget. */
const spentIn = (lives) =>
  new Set(lives.flatMap(decidedIn).flatMap(([path, , rule]) => (rule === "chain-budget" ? [path] : []))).size;

/** What the processes were answered, whichever of them asked. */
function checkAnswers(proof, lives) {
  const chains = new Map();
  for (const [at, life] of lives.entries()) {
    for (const [path, action] of decidedIn(life)) {
      const chain = chains.get(path) ?? { lives: new Set(), used: 0 };
      chain.lives.add(at);
      if (action !== "fail" && action !== "null") chain.used += 1;
      chains.set(path, chain);
    }
  }
  proof.count = chains.size;
  for (const [path, { used }] of chains)
    if (used > BUDGET) proof.failures.push(`${path}: ${used} decisions were given out`);
  const several = [...chains.values()].filter((chain) => chain.lives.size > 1).length;
  if (several === 0) proof.failures.push("no chain was decided on by two processes, so nothing was proved about them");
  proof.name += ` (${several} chains were decided on by several)`;
}
