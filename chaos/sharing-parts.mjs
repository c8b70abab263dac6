/** A store of context entries and events as the proofs of sharing use it, and one type of entries for them. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkFile, loadContextSharing, loadStorage, until, z } from "./store-parts.mjs";

const { openStorage } = await loadStorage();
const { createContextStore, createEventBus, defineContextType } = await loadContextSharing();

/** `text` is as long as `length` says and all of one letter: of a torn value one of both would not hold. */
const note = defineContextType({
  name: "note",
  schema: z.object({ mark: z.string(), count: z.number(), length: z.number(), text: z.string() }),
});

/** A value of that type, which can be known again by its mark. */
export const noteOf = (mark, { count = 0, length = 0 } = {}) => ({
  mark,
  count,
  length,
  text: String.fromCodePoint(97 + (length % 26)).repeat(length),
});

/** Whether a value is as {@link noteOf} made it. */
export const isWhole = ({ mark, count, length, text }) => text === noteOf(mark, { count, length }).text;

/** Who made it. */
export const producerOf = (executionId) => ({ tool: "chaos_tool", executionId });

/** Opens the store in a folder that is there, with a bus and entries on it. */
export async function openSharing(folder, { events = {}, context = {} } = {}) {
  const storage = await openStorage(`sqlite:${join(folder, "store")}/`);
  const bus = createEventBus(storage, events);
  return {
    storage,
    bus,
    context: createContextStore(storage, { types: [note], events: bus, ...context }),
    close: async () => {
      await bus.close();
      await storage.close();
    },
  };
}

/** Hands a folder with a store in it to `prove`, and afterwards looks whether SQLite finds its file sound. */
export async function inWorld(prove) {
  const folder = mkdtempSync(join(tmpdir(), "sharing-chaos-"));
  mkdirSync(join(folder, "store"));
  try {
    const proof = await prove(folder);
    const word = checkFile(join(folder, "store", "shared.db"));
    if (word !== "ok") proof.failures.push(`shared.db: ${word}`);
    return proof;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The lines that begin with a word, without it. */
export const said = (lines, word) =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(" ").slice(1));

/** Waits for the first word of a worker. */
export async function isReady({ lines, child, ended }) {
  await until("a worker is ready", () => lines.includes("ready") || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`a worker ended with ${child.exitCode}: ${(await ended).errors}`);
}

/** Everything that the bus still has, in its order. */
export async function allEvents(bus, pattern) {
  const events = [];
  for (let after; ;) {
    const page = await bus.read({ pattern, limit: 1000, ...(after === undefined ? {} : { after }) });
    events.push(...page.events);
    if (page.events.length === 0) return events;
    after = page.cursor;
  }
}
