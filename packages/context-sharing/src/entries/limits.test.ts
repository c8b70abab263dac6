/** What is pinned here: how much may be held, what is tried before anything is refused, and what the refusal says. */
import { expect, test } from "vitest";
import { note, openContext } from "../../test/entries/open-context.ts";

const NAME = { sessionId: "ses_1", type: "note", key: "a" };
/** 1,000 bytes as JSON. */
const TEXT = "x".repeat(989);

test("a session that is full refuses with what it holds, while others go on; removing makes room at once", async () => {
  const { store } = await openContext({ maxSessionBytes: 5000 });
  for (const key of ["a", "b", "c", "d", "e"]) await store.share(note(TEXT, { key }));
  await expect(store.share(note(TEXT, { key: "f" }))).rejects.toMatchObject({
    code: "STORE_FULL",
    message: "the session holds 5000 bytes of context entries; the limit is 5000",
    details: { sessionId: "ses_1", heldBytes: 5000, limitBytes: 5000 },
  });
  expect(await store.share(note(TEXT, { sessionId: "ses_2" }))).toMatchObject({ version: 1 });
  await store.remove(NAME);
  expect(await store.share(note(TEXT, { key: "f" }))).toMatchObject({ version: 1 });
});

test("histories count, and no more of them than is kept", async () => {
  const { store } = await openContext({ maxSessionBytes: 20_000 });
  for (let index = 0; index < 40; index += 1) await store.share(note(TEXT));
  expect(await store.usage("ses_1")).toEqual({ entries: 1, bytes: 16_000 });
});

test("before a session is refused, what has expired of it is removed", async () => {
  const { store, time } = await openContext({ maxSessionBytes: 5000 });
  for (const key of ["a", "b", "c", "d", "e"]) await store.share(note(TEXT, { key, ttlMs: 10 }));
  await store.share(note(TEXT, { sessionId: "ses_2", ttlMs: 10 }));
  time.now += 10;
  await store.share(note(TEXT, { key: "f" }));
  expect(await store.usage("ses_1")).toEqual({ entries: 1, bytes: 1000 });
  expect(await store.usage("ses_2")).toEqual({ entries: 1, bytes: 1000 });
});

test("the store's limit holds over all sessions, after what has expired of all was removed", async () => {
  const { store, time } = await openContext({ maxTotalBytes: 4000 });
  for (const sessionId of ["s1", "s2", "s3", "s4"]) await store.share(note(TEXT, { sessionId, ttlMs: 10 }));
  await expect(store.share(note(TEXT))).rejects.toMatchObject({ code: "STORE_FULL", details: { limitBytes: 4000 } });
  time.now += 10;
  expect(await store.share(note(TEXT))).toMatchObject({ version: 1 });
  expect(await store.usage()).toEqual({ entries: 1, bytes: 1000 });
});

test("calls that come at once do not all take the same room", async () => {
  const { store } = await openContext({ maxSessionBytes: 10_000 });
  const calls = Array.from({ length: 50 }, (_, index) => store.share(note(TEXT, { key: `k${index}` })));
  const ended = await Promise.allSettled(calls);
  expect(ended.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
  expect(await store.usage("ses_1")).toEqual({ entries: 10, bytes: 10_000 });
});

test("two stores on one file are over the limit by no more than a hundredth each", async () => {
  const limit = 400_000;
  const one = await openContext({ maxSessionBytes: limit });
  const other = await openContext({ maxSessionBytes: limit }, { folder: one.folder, time: one.time });
  let refused = 0;
  for (let index = 0; index < 450; index += 1) {
    const { store } = index % 2 === 0 ? one : other;
    await store.share(note(TEXT, { key: `k${index}` })).catch(() => (refused += 1));
  }
  expect(refused).toBeGreaterThan(0);
  expect((await one.store.usage("ses_1")).bytes).toBeLessThanOrEqual(limit * 1.02);
});
