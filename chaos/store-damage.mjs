/**
 * Files of a store that were damaged, or lost their companions, while nobody had them open.
 *
 * SQLite has no checksums of its pages: what garbage does inside a row's own bytes nobody can see. So whole pages are
 * overwritten, as a broken disk does, and what is looked for are rows.
 */
import { closeSync, cpSync, openSync, readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { compareIds, openLedger } from "./store-ledger.mjs";
import { checkFile, loadStorage, newProof, start, until } from "./store-parts.mjs";

const PAGE = 4096;
const DAMAGED = ["state.db", "record.db", "shared.db", "journal", "state.db-wal", "record.db-wal", "shared.db-wal"];

/**
 * Without its log, or from where that is damaged, a file is as it was before: sound, and older. Nobody can tell, because
 * a log that ends early is what every crash leaves.
 */
const mayLose = (name) => (name.endsWith("-wal") ? "log" : name);

export async function proveDamage(base, random, small) {
  const pages = newProof("damaged pages");
  const lost = newProof("lost companions");
  const folder = join(base, "damage");
  const said = await killedStore(folder);
  for (let at = 0; at < (small ? 10 : 200); at += 1) {
    const name = DAMAGED[at % DAMAGED.length];
    const copy = join(base, `damage-${at}`);
    cpSync(folder, copy, { recursive: true });
    const damage = damagePage(fileIn(copy, name), random);
    await check(pages, { copy, told: `${name}: ${damage.told}`, said, mayLose: mayLose(name) });
    rmSync(copy, { recursive: true });
  }
  for (const name of ["state", "record", "shared"].flatMap((part) => [`${part}.db-shm`, `${part}.db-wal`])) {
    const copy = join(base, `lost-${name}`);
    cpSync(folder, copy, { recursive: true });
    rmSync(join(copy, name));
    await check(lost, { copy, told: `${name} is gone`, said, mayLose: mayLose(name) });
    rmSync(copy, { recursive: true });
  }
  return [pages, lost];
}

/** A store whose program was killed: rows in the files, in their logs, and lines that are in the journal alone. */
async function killedStore(folder) {
  const first = start(new URL("./store-faults-writer.mjs", import.meta.url), [`${folder}`, 300]);
  await first.ended;
  const second = start(new URL("./store-faults-writer.mjs", import.meta.url), [`${folder}`, 100_000]);
  await until("the writer writes", () => second.lines.filter((line) => line.startsWith("noted")).length > 60);
  second.child.kill("SIGKILL");
  await second.ended;
  // The last lines of the pipe.
  await sleep(0);
  const lines = [...first.lines, ...second.lines];
  const ids = (word) => lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  return { promised: ids("promised"), noted: ids("noted"), shared: ids("shared") };
}

function fileIn(folder, name) {
  if (name !== "journal") return join(folder, name);
  const segments = readdirSync(join(folder, "journal"))
    .filter((file) => file.endsWith(".log"))
    .map((file) => join(folder, "journal", file));
  return segments.sort((one, other) => statSync(other).size - statSync(one).size)[0];
}

function damagePage(file, random) {
  const pages = Math.max(Math.floor(statSync(file).size / PAGE), 1);
  const page = random.below(pages);
  const kind = random.pick(["zeros", "garbage", "half"]);
  const bytes = Buffer.alloc(kind === "half" ? PAGE / 2 : PAGE);
  if (kind !== "zeros") for (let at = 0; at < bytes.length; at += 1) bytes[at] = random.below(256);
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, bytes, 0, bytes.length, page * PAGE);
  closeSync(descriptor);
  return { told: `page ${page} of ${pages}, ${kind}` };
}

async function check(proof, { copy, told, said, mayLose }) {
  const storage = await loadStorage();
  proof.count += 1;
  const opened = await tryOpen(storage, copy);
  if (opened.error !== undefined) {
    proof.fired += 1;
    const { code, remedy, message } = opened.error;
    const aside = readdirSync(copy).filter((file) => file.includes(".damaged-"));
    const isLoud = ["STORE_CORRUPT", "STORE_UNAVAILABLE"].includes(code) && typeof remedy === "string" && remedy !== "";
    if (!isLoud) proof.failures.push(`${told}: ${code}: ${message}`);
    if (code !== "STORE_CORRUPT") return;
    if (aside.length === 0) proof.failures.push(`${told}: STORE_CORRUPT, and nothing was set aside`);
    const again = await tryOpen(storage, copy);
    if (again.error !== undefined)
      proof.failures.push(`${told}: the next start says ${again.error.code}: ${again.error.message}`);
    await again.ledger?.storage.close();
    return;
  }
  await compare(proof, { copy, told, said, mayLose, ledger: opened.ledger });
}

async function compare(proof, { copy, told, said, mayLose, ledger }) {
  try {
    const promised = compareIds(said.promised, ledger.promised());
    const noted = compareIds(said.noted, await ledger.noted());
    if (noted.missing.length > 0) proof.fired += 1;
    if (promised.missing.length > 0 && mayLose !== "log")
      proof.failures.push(`${told}: opened, and ${promised.missing.length} promises are silently gone`);
    const shared = compareIds(said.shared, ledger.shared());
    if (shared.missing.length > 0 && mayLose !== "log")
      proof.failures.push(`${told}: opened, and ${shared.missing.length} shared rows are silently gone`);
    if (noted.missing.length > 0 && !["journal", "log"].includes(mayLose))
      proof.failures.push(`${told}: opened, and ${noted.missing.length} entries are silently gone`);
    if (mayLose === "journal" && noted.missing.length > 20)
      proof.failures.push(`${told}: one page cost ${noted.missing.length} entries`);
    if (noted.twice.length > 0) proof.failures.push(`${told}: ${noted.twice.length} entries twice`);
    if (mayLose === "journal" && noted.missing.length > 0 && ledger.storage.health().status === "ok")
      proof.failures.push(`${told}: ${noted.missing.length} entries are gone and health says ok`);
    await ledger.storage.close();
    if (mayLose === "log" || mayLose.endsWith("-shm")) proof.fired += noted.missing.length > 0 ? 0 : 1;
    for (const name of ["state.db", "record.db", "shared.db"]) {
      const word = checkFile(join(copy, name));
      if (word !== "ok") proof.failures.push(`${told}: opened, and ${name}: ${word}`);
    }
  } catch (error) {
    // Found later than at the start, and said.
    proof.fired += 1;
    if (error.code !== "STORE_CORRUPT") proof.failures.push(`${told}: ${error.code ?? error.name} ${error.message}`);
    await ledger.storage.close().catch(() => {
      // A damaged file need not close well.
    });
  }
}

async function tryOpen(storage, folder) {
  try {
    return { ledger: await openLedger(storage, `sqlite:${folder}/`) };
  } catch (error) {
    return { error };
  }
}
