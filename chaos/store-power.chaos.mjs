/**
 * Power cuts at random moments: the store as the disk would have it after each, with what was not synced dropped, torn
 * or reordered, and names that a file system's journal keeps or that only a synced folder does.
 *
 * One oracle: it opens; every promise that was acknowledged is there; of the record and of what is shared only the last
 * moments are missing, and nothing is there twice; SQLite finds nothing wrong. The rig itself is proved first on plain SQLite, which must
 * lose rows where it does not sync.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom } from "./random.mjs";
import { compareIds, openLedger } from "./store-ledger.mjs";
import { checkFile, loadStorage, loadTestkit, newProof, Sqlite, start } from "./store-parts.mjs";

/** The longest that an acknowledged entry of the record or of what is shared may be at the mercy of a cut: 25 ms, a sync, and a slow machine. */
const LAST_MOMENTS_MS = 1000;
const FATES = ["drop", "prefix", "subset"];

const storage = await loadStorage();
const { nativeObstacle, readPowerTrace, startPowerRecorder } = await loadTestkit();

export async function run({ seed, small }) {
  const control = newProof("the rig: SQLite without syncs loses rows, and with them none");
  const proof = newProof("power cuts");
  const obstacle = await nativeObstacle();
  if (obstacle !== undefined) return [{ ...proof, skipped: [obstacle] }];
  const random = createRandom(seed);
  await proveRig(control, random);
  const recordings = small ? 1 : 5;
  const oldest = { noted: 0, shared: 0 };
  for (let at = 0; at < recordings; at += 1) {
    // In every other recording two programs share the store.
    const cuts = { count: small ? 5 : 20, rounds: small ? 150 : 600, writers: at % 2 === 0 ? 2 : 1 };
    await recordAndCut(proof, random, { ...cuts, oldest });
  }
  const [entry, row] = [oldest.noted, oldest.shared].map(Math.round);
  proof.name += ` (the oldest lost entry of the record was ${entry} ms old, of what is shared ${row} ms)`;
  return [control, proof];
}

/** Runs writers to their end under the recorder and hands over what was recorded. */
async function recorded({ seeds, rounds }, use) {
  const recorder = await startPowerRecorder();
  try {
    const writers = seeds.map((seed) =>
      start(new URL("./store-power-writer.mjs", import.meta.url), [recorder.folder, recorder.said, seed, rounds], {
        env: recorder.environment,
      }),
    );
    for (const { code, errors } of await Promise.all(writers.map(({ ended }) => ended)))
      if (code !== 0) throw new Error(`a writer ended with ${code}: ${errors}`);
    return await use(recorder.trace);
  } finally {
    recorder.close();
  }
}

async function inFolder(use) {
  const base = mkdtempSync(join(tmpdir(), "store-power-"));
  try {
    return await use(join(base, "cut"));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

/** Random moments between the first words and the last note, in order. */
function moments(trace, count, random) {
  const first = trace.said[0].index + 1;
  const any = () => first + random.below(trace.length - first + 1);
  return Array.from({ length: count }, any).sort((one, other) => one - other);
}

const fraction = (random) => () => random.below(2 ** 30) / 2 ** 30;

async function proveRig(proof, random) {
  for (const [synchronous, mayLose] of [
    ["OFF", true],
    ["FULL", false],
  ]) {
    await recorded({ seeds: [`sqlite:${synchronous}`], rounds: 200 }, async (file) => {
      const trace = readPowerTrace(file);
      for (const index of moments(trace, 5, random)) {
        trace.advance(index);
        const said = idsSaid(trace, index, "promised");
        const lost = await inFolder((folder) => {
          trace.cut(folder, { data: "drop", random: fraction(random) });
          return compareIds(said, plainRows(join(folder, "plain.db"))).missing.length;
        });
        proof.count += 1;
        if (lost > 0) proof.fired += 1;
        if (lost > 0 && !mayLose) proof.failures.push(`synchronous=${synchronous} lost ${lost} of ${said.length}`);
      }
    });
  }
}

/** The rows of a plain file; none where the cut took the file or its table. */
function plainRows(file) {
  try {
    const client = new Sqlite(file, { fileMustExist: true });
    const rows = client.prepare("SELECT id FROM promises").all();
    client.close();
    return rows;
  } catch {
    return [];
  }
}

const idsSaid = (trace, index, word) =>
  trace.said
    .filter((line) => line.index < index && line.text.startsWith(`${word} `))
    .map(({ text }) => text.slice(word.length + 1));

/** @param plan with `oldest`: how old the oldest was that a cut took, in milliseconds */
async function recordAndCut(proof, random, { count, rounds, writers, oldest }) {
  const seeds = Array.from({ length: writers }, () => random.below(2 ** 30));
  return recorded({ seeds, rounds }, async (file) => {
    for (const names of ["journaled", "posix"]) {
      const trace = readPowerTrace(file, names);
      for (const index of moments(trace, Math.ceil(count / 2), random)) {
        trace.advance(index);
        const cut = { data: random.pick(FATES), random: fraction(random) };
        const told = `${names}, ${cut.data}, at ${index} of ${trace.length} (seeds ${seeds.join(" ")})`;
        proof.count += 1;
        await inFolder(async (folder) => {
          if (trace.cut(folder, cut).unsynced > 0) proof.fired += 1;
          const ages = await check(proof, { folder, trace, index, told });
          for (const word of ["noted", "shared"]) oldest[word] = Math.max(oldest[word], ages[word]);
        });
      }
    }
  });
}

async function check(proof, { folder, trace, index, told }) {
  let ledger;
  try {
    ledger = await openLedger(storage, `sqlite:${folder}/`);
    const promised = compareIds(idsSaid(trace, index, "promised"), ledger.promised());
    const noted = compareIds(idsSaid(trace, index, "noted"), await ledger.noted());
    const shared = compareIds(idsSaid(trace, index, "shared"), ledger.shared());
    await ledger.storage.close();
    for (const name of ["state.db", "record.db", "shared.db"]) {
      const word = checkFile(join(folder, name));
      if (word !== "ok") proof.failures.push(`${told}: ${name}: ${word}`);
    }
    if (promised.missing.length > 0)
      proof.failures.push(`${told}: ${promised.missing.length} promises lost, ${promised.missing[0]} first`);
    if (noted.twice.length > 0) proof.failures.push(`${told}: ${noted.twice.length} entries twice`);
    if (shared.twice.length > 0) proof.failures.push(`${told}: ${shared.twice.length} shared rows twice`);
    const ageOf = (word, { missing }) =>
      agesOf(proof, { trace, index, told, lost: missing.map((id) => `${word} ${id}`) });
    return { noted: ageOf("noted", noted), shared: ageOf("shared", shared) };
  } catch (error) {
    proof.failures.push(`${told}: ${error.code ?? ""} ${error.message}`);
    await ledger?.storage.close().catch(() => {
      // What is broken need not close well; the failure above is what counts.
    });
    return { noted: 0, shared: 0 };
  }
}

/** How old the oldest of what was lost is. */
function agesOf(proof, { trace, index, told, lost }) {
  if (lost.length === 0) return 0;
  const all = new Set(lost);
  const first = trace.said.find(({ text }) => all.has(text));
  const age = trace.atMs(index) - first.atMs;
  if (age > LAST_MOMENTS_MS)
    proof.failures.push(`${told}: ${lost.length} lost, the oldest ${Math.round(age)} ms old: ${first.text}`);
  return age;
}
