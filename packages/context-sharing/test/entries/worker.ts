/**
 * A process of its own that uses a context store, for tests that kill it or race it: `worker MODE URL COUNT`. It says each
 * thing that was acknowledged as one line of JSON.
 *
 * - `share` shares COUNT notes to one key at once
 * - `count` waits for three others and adds 1 to a counter COUNT times, each time on the version that it read
 * - `work` shares notes one after the other until it is killed
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isKitError } from "@container-kit/errors";
import { openStorage } from "@container-kit/storage";
import { z } from "zod";
import { createContextStore } from "../../src/entries/context-store.ts";
import type { ContextStore, NewContextEntry } from "../../src/entries/types.ts";

const [mode = "", url = "", count = "0"] = process.argv.slice(2);

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function entry(type: string, key: string, value: unknown): NewContextEntry {
  return { sessionId: "ses_1", type, key, value, producer: { tool: "worker", executionId: `exe_${process.pid}` } };
}

async function share(store: ContextStore): Promise<void> {
  const shares = Array.from({ length: Number(count) }, (_, index) =>
    store.share(entry("note", "one", { text: `${process.pid} ${index}` })),
  );
  say({ versions: (await Promise.all(shares)).map(({ version }) => version) });
}

/** Ends when four processes have come to it, so that they compete. */
async function meet(store: ContextStore): Promise<void> {
  await store.share(entry("note", `here ${process.pid}`, { text: "" }));
  while ((await store.query({ sessionId: "ses_1", type: "note" })).length < 4) await sleep(1);
}

async function add(store: ContextStore): Promise<void> {
  await meet(store);
  let conflicts = 0;
  for (let done = 0; done < Number(count);) {
    const present = await store.get({ sessionId: "ses_1", type: "count", key: "n" });
    const before = (present?.value as { readonly count: number } | undefined)?.count ?? 0;
    // Long enough for the others, whenever they were started.
    await sleep(1);
    const next = { ...entry("count", "n", { count: before + 1 }), expectedVersion: present?.version ?? 0 };
    try {
      await store.share(next);
      done += 1;
    } catch (error) {
      if (!isKitError(error, "CONFLICT")) throw error;
      conflicts += 1;
    }
  }
  say({ conflicts });
}

async function work(store: ContextStore): Promise<void> {
  for (let index = 0; ; index += 1) {
    const key = `k${index % 5}`;
    const { version } = await store.share(entry("note", key, { text: `${index} ${"x".repeat(index % 3000)}` }));
    say({ key, version, index });
    // Lets the pipe have its turn.
    if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

const modes: Readonly<Record<string, (store: ContextStore) => Promise<void>>> = { share, count: add, work };

async function main(): Promise<void> {
  const storage = await openStorage(url);
  const types = [
    { name: "note", schema: z.object({ text: z.string() }) },
    { name: "count", schema: z.object({ count: z.number() }) },
  ];
  await modes[mode]?.(createContextStore(storage, { types }));
  await storage.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
