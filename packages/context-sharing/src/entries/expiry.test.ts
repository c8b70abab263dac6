/**
 * What is pinned here: what has expired is served by nothing and counts as none, is removed a few at a time, and never
 * because of a clock that is wrong.
 */
import { expect, test } from "vitest";
import { z } from "zod";
import { note, openContext, START } from "../../test/entries/open-context.ts";
import { EntryFile } from "./entry-file.ts";
import { BATCH_ROWS, removeInBatches } from "./removal.ts";

const NAME = { sessionId: "ses_1", type: "note", key: "a" };
const HOUR = 3_600_000;

/** Tells how much each transaction removed. */
function watched(file: EntryFile, tell: (removed: number) => void): Pick<EntryFile, "prepared" | "read" | "commit"> {
  return {
    prepared: file.prepared,
    read: (work) => file.read(work),
    commit: async (work) => {
      const result = await file.commit(work);
      tell(Number(result));
      return result;
    },
  };
}

test("an expired entry counts as none for every function, and a share over it begins anew", async () => {
  const { store, time } = await openContext();
  await store.share(note("1"));
  await store.share(note("2", { ttlMs: 1000 }));
  time.now += 999;
  expect(await store.get(NAME)).toMatchObject({ version: 2 });
  time.now += 1;
  expect(await store.get(NAME)).toBeUndefined();
  expect(await store.history(NAME)).toEqual([]);
  expect(await store.query({ sessionId: "ses_1" })).toEqual([]);
  expect(await store.exportSession("ses_1")).toEqual([]);
  expect(await store.remove(NAME)).toBe(false);
  await expect(store.share(note("x", { expectedVersion: 2 }))).rejects.toMatchObject({
    details: { presentVersion: 0 },
  });
  expect(await store.share(note("3", { expectedVersion: 0 }))).toMatchObject({ version: 1 });
  expect(await store.history(NAME)).toHaveLength(1);
  expect(await store.usage()).toEqual({ entries: 1, bytes: 12 });
});

test("a version that expired before the present one is in no history", async () => {
  const { store, time } = await openContext();
  await store.share(note("1", { ttlMs: 10 }));
  await store.share(note("2"));
  time.now += 10;
  expect((await store.history(NAME)).map(({ version }) => version)).toEqual([2]);
});

test("a type says how long its entries last; a share may say otherwise", async () => {
  const { store } = await openContext();
  store.register({ name: "brief", schema: z.unknown(), ttlMs: 5 });
  const brief = { ...note(""), type: "brief" };
  expect((await store.share(brief)).expiresAt).toBe(START + 5);
  expect((await store.share({ ...brief, ttlMs: 7 })).expiresAt).toBe(START + 7);
});

test("a sweep removes what has expired and nothing else, also after a restart", async () => {
  const { store, storage, folder, time } = await openContext();
  for (let index = 0; index < 600; index += 1) {
    const sessionId = `ses_${index % 7}`;
    await store.share(note("x", { sessionId, key: `k${index}`, ttlMs: index % 3 === 0 ? 2 * HOUR : HOUR }));
  }
  await storage.close();
  const again = await openContext({}, { folder, time });
  expect(await again.store.sweep()).toBe(0);
  time.now += HOUR;
  expect(await again.store.sweep()).toBe(400);
  expect(await again.store.usage()).toMatchObject({ entries: 200 });
  expect(await again.store.sweep()).toBe(0);
});

test("a read that meets an expired entry has it removed with the next write", async () => {
  const { store, storage, time } = await openContext();
  await store.share(note("x"));
  time.now += HOUR;
  await store.get(NAME);
  storage.shared.flush();
  expect(await store.usage()).toEqual({ entries: 0, bytes: 0 });
});

test("a clock that jumps ahead by years hides what it calls expired and removes nothing", async () => {
  // The storage compares with the times of its files, which are real.
  const time = { now: Date.now() };
  const { store, storage, folder } = await openContext({}, { time });
  await store.share(note("x"));
  await storage.close();
  time.now += 1000 * 24 * HOUR;
  const ahead = await openContext({}, { folder, time });
  expect(await ahead.store.get(NAME)).toBeUndefined();
  expect(await ahead.store.sweep()).toBe(0);
  ahead.storage.shared.flush();
  time.now -= 1000 * 24 * HOUR;
  expect(await ahead.store.get(NAME)).toMatchObject({ value: { text: "x" } });
});

test("many that expire at once go in bounded batches, with a turn of the event loop between them", async () => {
  const { store, storage, time } = await openContext();
  const shares = Array.from({ length: 1500 }, (_, index) => store.share(note("x", { key: `k${index}` })));
  for (let index = 0; index < 15; index += 1) shares.push(store.share(note("x", { key: "often" })));
  await Promise.all(shares);
  time.now += HOUR;
  let turns = 0;
  let going = true;
  const count = (): void => {
    turns += 1;
    if (going) setImmediate(count);
  };
  setImmediate(count);
  const batches: { readonly removed: number; readonly turn: number }[] = [];
  const file = watched(new EntryFile(storage, () => time.now), (removed) => batches.push({ removed, turn: turns }));
  const removed = await removeInBatches(file, { by: time.now });
  going = false;
  expect(removed).toBe(1501);
  expect(batches.length).toBeGreaterThan(5);
  expect(Math.max(...batches.map((batch) => batch.removed))).toBeLessThanOrEqual(BATCH_ROWS);
  for (const [index, { turn }] of batches.entries()) {
    if (index > 0) expect(turn).toBeGreaterThan(batches[index - 1]?.turn ?? 0);
  }
});

test("large values and long histories make a batch smaller", async () => {
  const { store, storage, time } = await openContext();
  for (let index = 0; index < 12; index += 1) await store.share(note("x".repeat(1_000_000), { key: `k${index}` }));
  time.now += HOUR;
  const batches: number[] = [];
  const file = watched(new EntryFile(storage, () => time.now), (removed) => batches.push(removed));
  expect(await removeInBatches(file, { by: time.now })).toBe(12);
  expect(Math.max(...batches)).toBeLessThanOrEqual(4);
});

test("a sweep that is aborted ends after its batch", async () => {
  const { store, time } = await openContext();
  await store.share(note("x"));
  time.now += HOUR;
  expect(await store.sweep({ signal: AbortSignal.abort() })).toBe(0);
  expect(await store.sweep()).toBe(1);
});
