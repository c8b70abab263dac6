/** The state's lock in another process's hand, for shorter and for longer than the store waits. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openLedger } from "./store-ledger.mjs";
import { loadStorage, newProof, Sqlite } from "./store-parts.mjs";

/** The longest that the event loop may be held while a lock is waited for. */
const LAG_MS = 250;

export async function proveLocks(base, small) {
  const proof = newProof("the state is locked by another");
  const waits = small ? 1000 : 5000;
  const holds = small ? [400, 1600] : [3000, 30_000];
  const folder = join(base, "locked");
  mkdirSync(folder);
  const ledger = await openLedger(await loadStorage(), `sqlite:${folder}/`, { busyTimeoutMs: waits });
  await ledger.promise("first", "");
  for (const hold of holds) await lockOnce(proof, { ledger, folder, hold, waits });
  await ledger.storage.close();
  return proof;
}

async function lockOnce(proof, { ledger, folder, hold, waits }) {
  const other = new Sqlite(join(folder, "state.db"));
  other.exec("BEGIN IMMEDIATE");
  const begun = performance.now();
  const lag = watchLag();
  proof.count += 1;
  const released = sleep(hold).then(() => other.exec("COMMIT"));
  const outcome = await ledger.promise(`under-${hold}`, "").then(
    () => "taken",
    (error) => error.code,
  );
  const lasted = performance.now() - begun;
  if (lasted > Math.min(hold, waits) * 0.8) proof.fired += 1;
  const expected = hold < waits ? "taken" : "STORE_BUSY";
  if (outcome !== expected) proof.failures.push(`locked for ${hold} ms: ${outcome} after ${Math.round(lasted)} ms`);
  if (lasted > waits + 2000) proof.failures.push(`locked for ${hold} ms: it waited ${Math.round(lasted)} ms`);
  ledger.note(`while-${hold}`, "");
  const worst = lag();
  if (worst > LAG_MS) proof.failures.push(`locked for ${hold} ms: the event loop stood for ${Math.round(worst)} ms`);
  await released;
  other.close();
  await ledger.promise(`after-${hold}`, "");
}

/** Counts the longest time without a turn of the event loop; call what it gives to end. */
function watchLag() {
  let worst = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    worst = Math.max(worst, now - last - 5);
    last = now;
  }, 5);
  return () => {
    clearInterval(timer);
    return worst;
  };
}
