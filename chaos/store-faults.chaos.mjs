/**
 * Faults of the disk, of files and of other processes under the store.
 *
 * One oracle: whatever was acknowledged is there afterwards; what was refused was refused with a code and a next step;
 * SQLite finds nothing wrong; a damaged file is set aside and named, and never quietly begun anew.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "./random.mjs";
import { proveClock } from "./store-clock.mjs";
import { proveDamage } from "./store-damage.mjs";
import { proveFullDisk } from "./store-full.mjs";
import { compareIds, openLedger } from "./store-ledger.mjs";
import { proveLocks } from "./store-locks.mjs";
import { checkFile, loadStorage, loadTestkit, newProof, start } from "./store-parts.mjs";

const storage = await loadStorage();
const { nativeObstacle, prepareSystemFaults } = await loadTestkit();

export async function run({ seed, small }) {
  const random = createRandom(seed);
  const base = mkdtempSync(join(tmpdir(), "store-faults-"));
  try {
    return [
      await proveFailingCalls(base, random, small),
      await proveFullDisk(join(base, "full"), random, small),
      ...(await proveDamage(base, random, small)),
      await proveLocks(base, small),
      await proveClock(base),
    ];
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/** Calls that fail at one place, once or for a while. */
async function proveFailingCalls(base, random, small) {
  const proof = newProof("calls of the disk that fail");
  const obstacle = await nativeObstacle();
  if (obstacle !== undefined) return { ...proof, skipped: [obstacle] };
  const faults = await prepareSystemFaults();
  const before = join(base, "before");
  await quietStore(before);
  try {
    for (let at = 0; at < (small ? 8 : 200); at += 1) {
      const folder = join(base, `calls-${at}`);
      // Half of them on a store that is there, half while it comes into being.
      if (at % 2 === 0) cpSync(before, folder, { recursive: true });
      else mkdirSync(folder);
      await oneFailingCall(proof, faults, faultAt(at, folder, random));
      rmSync(folder, { recursive: true, force: true });
    }
  } finally {
    faults.close();
  }
  return proof;
}

async function quietStore(folder) {
  mkdirSync(folder);
  const { ended } = start(new URL("./store-faults-writer.mjs", import.meta.url), [folder, 20]);
  await ended;
}

/** Every call in turn at first, so that the start is covered; then any. */
function faultAt(at, folder, random) {
  const call = random.pick(["write", "write", "write", "sync", "truncate", "open"]);
  const error = call === "open" ? "EMFILE" : random.pick(["ENOSPC", "EIO", "EROFS"]);
  const path = random.pick(["", "", "state.db", "record.db", "shared.db", "journal"]);
  const after = call === "write" ? random.below(at % 3 === 0 ? 200 : 40) : random.below(8);
  return { folder, call, error, path, after, times: random.pick([1, 1, 3, 30]) };
}

async function oneFailingCall(proof, faults, fault) {
  const { folder, call, error, path, after, times } = fault;
  const told = `${error} on ${times} calls of ${call} after ${after} on *${path}*`;
  const fired = faults.fired();
  const { lines, ended } = start(new URL("./store-faults-writer.mjs", import.meta.url), [folder, 30], {
    env: faults.environment(fault),
  });
  const { code, signal, errors } = await ended;
  proof.count += 1;
  if (faults.fired() > fired) proof.fired += 1;
  if (code !== 0) proof.failures.push(`${told}: the program ended with ${code ?? signal}: ${errors.slice(-500)}`);
  for (const line of lines.filter((text) => text.startsWith("refused ")))
    if (!/^refused [A-Z_]{4,} "[^"]/.test(line)) proof.failures.push(`${told}: ${line}`);
  await checkKept(proof, folder, told, lines);
}

/** Opens the store on a healthy disk and looks for everything that was said. */
async function checkKept(proof, folder, told, lines) {
  const said = (word) => lines.filter((text) => text.startsWith(`${word} `)).map((text) => text.slice(word.length + 1));
  try {
    const ledger = await openLedger(storage, `sqlite:${folder}/`);
    const promised = compareIds(said("promised"), ledger.promised());
    const noted = compareIds(said("noted"), await ledger.noted());
    const shared = compareIds(said("shared"), ledger.shared());
    await ledger.storage.close();
    for (const [what, { missing, twice }] of Object.entries({ promised, noted, shared })) {
      if (missing.length > 0) proof.failures.push(`${told}: ${missing.length} ${what} lost, ${missing[0]} first`);
      if (twice.length > 0) proof.failures.push(`${told}: ${twice.length} ${what} twice, ${twice[0]} first`);
    }
    for (const name of ["state.db", "record.db", "shared.db"]) {
      const word = checkFile(join(folder, name));
      if (word !== "ok") proof.failures.push(`${told}: ${name}: ${word}`);
    }
  } catch (error) {
    proof.failures.push(`${told}: afterwards ${error.code ?? error.name} ${error.message}`);
  }
}
