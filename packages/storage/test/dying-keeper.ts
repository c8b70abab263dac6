// A keeper that dies in the middle of its third transaction.
import { runRecordKeeper } from "../src/index.ts";
import { eventsProjection } from "./events.ts";

let applied = 0;
Object.assign(globalThis, {
  [Symbol.for("container-kit.failpoint")]: (place: string) => {
    if (place !== "ingest.applied") return;
    applied += 1;
    if (applied === 3) process.exit(1);
  },
});
runRecordKeeper([eventsProjection]);
