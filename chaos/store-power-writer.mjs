/**
 * Writes to a store under the power-cut recorder and says, in the file that is noted, what it was promised.
 * `node store-power-writer.mjs <folder> <said> <seed> <rounds>`, or with `sqlite:<synchronous>` in place of a seed, plain
 * SQLite rows for the control.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openLedger } from "./store-ledger.mjs";
import { loadStorage, Sqlite } from "./store-parts.mjs";
import { createRandom } from "./random.mjs";

const [folder, saidFile, seed, rounds] = process.argv.slice(2);
const said = openSync(saidFile, "a");
const id = (lane, at) => `${process.pid}-${lane}-${at}`;
const say = (text) => writeSync(said, `${text}\n`);

if (seed.startsWith("sqlite:")) plain(seed.slice("sqlite:".length));
else await throughStorage(createRandom(Number(seed)));
closeSync(said);

function plain(synchronous) {
  const client = new Sqlite(join(folder, "plain.db"));
  client.pragma("journal_mode = WAL");
  client.pragma(`synchronous = ${synchronous}`);
  client.exec("CREATE TABLE promises (id TEXT)");
  const insert = client.prepare("INSERT INTO promises VALUES (?)");
  say("begun");
  for (let at = 0; at < Number(rounds); at += 1) {
    insert.run(String(at));
    say(`promised ${at}`);
  }
}

async function throughStorage(random) {
  // With the keeper's thread or without it, as servers and short programs have it.
  const keeper = random.below(2) === 0 ? {} : { keeper: new URL("./store-ledger-keeper.mjs", import.meta.url) };
  const ledger = await openLedger(await loadStorage(), `sqlite:${folder}/`, keeper);
  say("begun");
  const filler = () => "x".repeat(random.below(random.below(10) === 0 ? 6000 : 300));
  const promiser = async (lane) => {
    for (let at = 0; at < Number(rounds); at += 1) {
      await ledger.promise(id(lane, at), filler());
      say(`promised ${id(lane, at)}`);
      if (random.below(20) === 0) await sleep(random.below(10));
    }
  };
  const noter = async () => {
    for (let at = 0; at < Number(rounds) * 12; at += 1) {
      ledger.note(id("n", at), filler());
      say(`noted ${id("n", at)}`);
      if (random.below(6) === 0) await sleep(random.below(4));
      if (random.below(400) === 0) await ledger.noted();
    }
  };
  const sharer = async () => {
    for (let at = 0; at < Number(rounds) * 4; at += 1) {
      await ledger.share(id("t", at), filler());
      say(`shared ${id("t", at)}`);
      if (random.below(3) === 0) await sleep(random.below(6));
    }
  };
  await Promise.all([promiser("a"), promiser("b"), noter(), sharer()]);
  await ledger.storage.close();
  say("closed");
}
