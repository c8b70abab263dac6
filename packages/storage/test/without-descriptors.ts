// What a store says while the process has no descriptor left, and afterwards: `without-descriptors FOLDER`.
import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { openStorage } from "../src/index.ts";
import type { Storage } from "../src/index.ts";
import { eventsSchema, happen } from "./events.ts";

async function main([folder = ""]: readonly string[]): Promise<void> {
  const storage = await openStorage(`sqlite:${folder}/`, { busyTimeoutMs: 200 });
  storage.migrate(eventsSchema);
  const held = holdAll();
  process.stdout.write(`held ${held.length > 0}\n`);
  await tell(storage);
  for (const descriptor of held) closeSync(descriptor);
  // A refusal stands for a second.
  await sleep(1100);
  await tell(storage);
  await storage.close();
}

function holdAll(): readonly number[] {
  const held: number[] = [];
  for (;;) {
    try {
      held.push(openSync("/dev/null", "r"));
    } catch {
      // That is what was wanted.
      return held;
    }
  }
}

async function tell(storage: Storage): Promise<void> {
  const acts: readonly (() => Promise<unknown>)[] = [
    async () => happen(storage, "one"),
    () => storage.record.catchUp(),
    () => storage.backup(),
  ];
  const codes: string[] = [];
  for (const act of acts) {
    try {
      await act();
      codes.push("done");
    } catch (error) {
      codes.push(String((error as { readonly code?: string }).code));
    }
  }
  process.stdout.write(`${codes.join(" ")} ${storage.health().status}\n`);
}

void main(process.argv.slice(2));
