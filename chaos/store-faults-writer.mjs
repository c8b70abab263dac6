/**
 * Writes to a store whose disk fails, and says on stdout what it was acknowledged: `node store-faults-writer.mjs <folder>
 * <rounds>`. What is refused is told with its code and tried again; at the end one promise and one note must go through.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openLedger } from "./store-ledger.mjs";
import { loadStorage } from "./store-parts.mjs";

const [folder, rounds] = process.argv.slice(2);
const say = (text) => process.stdout.write(`${text}\n`);
const storage = await loadStorage();

/** As a client does: what is refused with a code that allows it is asked again, a little later. */
async function insist(what, act) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await act();
      say(what);
      return;
    } catch (error) {
      say(`refused ${error.code ?? error.name} ${JSON.stringify(error.remedy ?? "")} ${error.message}`);
      if (typeof error.code !== "string" || attempt === 12) return;
      await sleep(10 * attempt);
    }
  }
}

let ledger;
for (let attempt = 0; ledger === undefined && attempt < 10; attempt += 1) {
  try {
    ledger = await openLedger(storage, `sqlite:${folder}/`);
  } catch (error) {
    say(`refused ${error.code ?? error.name} ${JSON.stringify(error.remedy ?? "")} ${error.message}`);
    await sleep(20);
  }
}
if (ledger !== undefined) {
  for (let at = 0; at < Number(rounds); at += 1) {
    await insist(`promised ${process.pid}-${at}`, () => ledger.promise(`${process.pid}-${at}`, "x".repeat(500)));
    await insist(`noted ${process.pid}-${at}`, () => ledger.note(`${process.pid}-${at}`, "x".repeat(500)));
    await insist(`shared ${process.pid}-${at}`, () => ledger.share(`${process.pid}-${at}`, "x".repeat(500)));
    if (at % 10 === 9) await insist("caught up", () => ledger.noted());
  }
  await insist("closed", () => ledger.storage.close());
}
say("end");
