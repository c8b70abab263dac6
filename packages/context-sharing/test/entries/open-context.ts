import { tempFolder } from "@container-kit/config/temp-folder";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import { afterEach } from "vitest";
import { z } from "zod";
import { createContextStore } from "../../src/entries/context-store.ts";
import { defineContextType } from "../../src/entries/context-type.ts";
import type { ContextStore, ContextStoreOptions, NewContextEntry } from "../../src/entries/types.ts";

/** A note: any text, an hour long. */
export const noteType = defineContextType({ name: "note", schema: z.object({ text: z.string() }) });
/** A number of something. */
const countType = defineContextType({ name: "count", schema: z.object({ count: z.number() }) });

/** A store on a folder, with what a test moves and sees behind it. */
export interface OpenedContext {
  readonly folder: string;
  readonly storage: Storage;
  readonly store: ContextStore;
  /** The clock of both; a test sets it. */
  readonly time: { now: number };
}

/** Where a test's clock begins. */
export const START = Date.UTC(2026, 0, 1);

const opened: Storage[] = [];

/** Opens a store, which is closed after the test. */
export async function openContext(
  options: ContextStoreOptions = {},
  { folder = tempFolder(), time = { now: START } }: { readonly folder?: string; readonly time?: { now: number } } = {},
): Promise<OpenedContext> {
  const clock = (): number => time.now;
  const storage = await openStorage(`sqlite:${folder}/`, { clock });
  opened.push(storage);
  const store = createContextStore(storage, { types: [noteType, countType], clock, ...options });
  return { folder, storage, store, time };
}

/** A share of which only some things matter. */
export function note(text: string, more: Partial<NewContextEntry> = {}): NewContextEntry {
  return {
    sessionId: "ses_1",
    type: "note",
    key: "a",
    value: { text },
    producer: { tool: "build_image", executionId: "exe_1" },
    ...more,
  };
}

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
});
