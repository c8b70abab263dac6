/**
 * Tools that ask tools, through a real runtime with its record, while one request in ten meets a fault that passes: more
 * than 99% succeed, the rest end with a typed error, none hangs, and every exchange can be followed in the record.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "./random.mjs";
import { askingTool, askedTool, createFaults, TARGETS } from "./requests-tools.mjs";
import { loadContextSharing, loadRuntime, loadSession, loadStorage, newProof, until } from "./store-parts.mjs";

const SESSIONS = 8;
const ASKED_AT_ONCE = 250;
/** Of those that must not hang: each has a deadline, and the runtime some seconds of grace for what ignores it. */
const LONGEST_MS = 70_000;
/** The codes that the contract names. */
const CODES = new Set(
  `INVALID_INPUT INVALID_REFERENCE PATH_DENIED NOT_FOUND CONFLICT UNSUPPORTED ENGINE_UNAVAILABLE ENGINE_FORBIDDEN
  ENGINE_BAD_ENDPOINT ENGINE_TIMEOUT ENGINE_PROTOCOL ENGINE_ERROR ENGINE_RESTARTED ENGINE_DISK_FULL AUTH_FAILED
  REGISTRY_DENIED REGISTRY_UNAVAILABLE REGISTRY_RATE_LIMITED TOOL_NOT_FOUND TOOL_TIMEOUT CANCELLED INTERRUPTED
  OUTPUT_INVALID CIRCUIT_OPEN OVERLOADED INTERNAL STORE_BUSY STORE_FULL STORE_UNAVAILABLE`.split(/\s+/),
);

const { openStorage } = await loadStorage();
const { createSessionStore } = await loadSession();
const { createContextStore, createEventBus } = await loadContextSharing();
const { createRuntime } = await loadRuntime();

export async function run({ seed, small }) {
  const folder = mkdtempSync(join(tmpdir(), "requests-chaos-"));
  mkdirSync(join(folder, "store"));
  const keeper = new URL("./store-kills-keeper.mjs", import.meta.url);
  const storage = await openStorage(`sqlite:${join(folder, "store")}/`, { keeper });
  try {
    return [await proveRequests(storage, createRandom(seed), small ? 2000 : 100_000)];
  } finally {
    await storage.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function proveRequests(storage, random, total) {
  const proof = newProof(`${total} requests between tools`);
  const isOpen = (target) => runtime.status().openCircuits.includes(`give_part ${target}`);
  const faults = createFaults(random, total, isOpen);
  const sessions = createSessionStore(storage);
  const events = createEventBus(storage);
  const plugin = { name: "chaos", version: "0.0.0", apiVersion: 1, tools: [askingTool(), askedTool(faults)] };
  const context = createContextStore(storage, { events });
  const runtime = createRuntime({ plugins: [plugin], sessions, context, events });
  const opened = new Set();
  const look = setInterval(() => runtime.status().openCircuits.forEach((circuit) => opened.add(circuit)), 20);
  try {
    const ids = await Promise.all(Array.from({ length: SESSIONS }, async () => (await sessions.openSession()).id));
    const replies = await ask(proof, { runtime, ids, total });
    judge(proof, replies, total);
    await events.close();
    // Of a full count the record of one session is enough: it is looked at whole.
    const looked = total > 10_000 ? ids.slice(0, 1) : ids;
    for (const sessionId of looked) await checkRecord(proof, { storage, sessions, sessionId });
  } finally {
    clearInterval(look);
    await runtime.close();
  }
  proof.fired = faults.fired();
  if (opened.size === 0) proof.failures.push("no circuit opened, so nothing was proved about them");
  proof.name += ` (${faults.told()}, ${opened.size} of ${TARGETS} circuits opened)`;
  return proof;
}

/** All askers of all sessions, each with its share of the requests. */
async function ask(proof, { runtime, ids, total }) {
  const replies = [];
  const batches = Array.from({ length: Math.ceil(total / ASKED_AT_ONCE) }, (_, at) => at);
  const lane = async (sessionId) => {
    for (let at = batches.shift(); at !== undefined; at = batches.shift()) {
      const input = { from: at * ASKED_AT_ONCE, count: Math.min(ASKED_AT_ONCE, total - at * ASKED_AT_ONCE), sessionId };
      const outcome = await runtime.execute({ tool: "ask_parts", input, mayDetach: false });
      if (outcome.ok) replies.push(...outcome.result.replies);
      else proof.failures.push(`an asker ended with ${outcome.error.code}: ${outcome.error.message}`);
    }
  };
  await Promise.all(ids.map(lane));
  return replies;
}

function judge(proof, replies, total) {
  proof.count = total;
  if (replies.length !== total) proof.failures.push(`${replies.length} replies to ${total} requests`);
  const failed = replies.filter(({ code }) => code !== null);
  if (failed.length >= total / 100) proof.failures.push(`${failed.length} of ${total} requests failed`);
  const counts = new Map();
  for (const { number, code, remedy, ms } of replies) {
    if (ms > LONGEST_MS) proof.failures.push(`the request ${number} took ${Math.round(ms)} ms`);
    if (code === null) continue;
    counts.set(code, (counts.get(code) ?? 0) + 1);
    if (!CODES.has(code) || !remedy) proof.failures.push(`the request ${number} ended with ${code} (${remedy})`);
  }
  const longest = Math.max(...replies.map(({ ms }) => ms));
  const ends = [...counts].map(([code, count]) => `${count} ${code}`).join(", ");
  proof.name += ` (${((1 - failed.length / total) * 100).toFixed(3)}% succeeded; ${ends || "no error"}; the longest ${Math.round(longest)} ms)`;
}

/** Whose child each request was, and of which exchange; all of one session. */
async function checkRecord(proof, { storage, sessions, sessionId }) {
  // One that ignores its signal runs on for some seconds after its request has ended.
  await until("everything has ended in the record", async () => {
    await storage.record.catchUp();
    return (await sessions.history({ sessionId, status: "running", limit: 1 })).length === 0;
  }).catch((error) => proof.failures.push(error.message));
  const executions = [];
  for (let before; ;) {
    const page = await sessions.history({ sessionId, limit: 1000, ...(before === undefined ? {} : { before }) });
    executions.push(...page);
    if (page.length < 1000) break;
    before = page.at(-1).id;
  }
  const askers = new Map(executions.filter(({ tool }) => tool === "ask_parts").map((asker) => [asker.id, asker]));
  const numbers = new Set();
  for (const { id, tool, parent, correlationId, input } of executions) {
    if (tool !== "give_part") continue;
    numbers.add(input.number);
    const asker = askers.get(parent);
    if (asker === undefined) proof.failures.push(`${id} has the parent ${parent}, which is no asker of its session`);
    else if (asker.correlationId !== correlationId) proof.failures.push(`${id} has another correlation than its asker`);
  }
  const asked = [...askers.values()].reduce((sum, { input }) => sum + input.count, 0);
  if (asked === 0 || numbers.size !== asked)
    proof.failures.push(`${asked} requests of ${sessionId}, and ${numbers.size} of them in the record`);
}
