// Records numbered events until it is killed: `recorder FOLDER NAME [FAILPOINT]`; says the number of each that was
// acknowledged. At the third passing of the failpoint it kills itself.
import { openStorage } from "../src/index.ts";
import { eventsSchema, happen } from "./events.ts";

const EVENTS_PER_TURN = 16;
const TURNS_PER_CATCH_UP = 8;

async function main([folder = "", name = "", failpoint]: readonly string[]): Promise<void> {
  if (failpoint !== undefined) dieAt(failpoint);
  const storage = await openStorage(`sqlite:${folder}/`);
  storage.migrate(eventsSchema);
  const turns = failpoint === undefined ? Number.POSITIVE_INFINITY : TURNS_PER_CATCH_UP;
  for (let number = 0; ; number += 1) {
    happen(storage, `${name} ${number}`);
    process.stdout.write(`${number}\n`);
    if (number % EVENTS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    if (number % (EVENTS_PER_TURN * turns) === 1) await storage.record.catchUp();
  }
}

function dieAt(failpoint: string): void {
  let passed = 0;
  Object.assign(globalThis, {
    [Symbol.for("container-kit.failpoint")]: (place: string) => {
      if (place !== failpoint) return;
      passed += 1;
      if (passed === (place.startsWith("ingest.s") || place.startsWith("ingest.d") ? 1 : 3))
        process.kill(process.pid, "SIGKILL");
    },
  });
}

void main(process.argv.slice(2));
