/** What is pinned here: what a type must be, how older values are brought up to it, and that newer ones are left alone. */
import { expect, test } from "vitest";
import { z } from "zod";
import { note, noteType, openContext, START } from "../../test/entries/open-context.ts";
import { defineContextType } from "./context-type.ts";
import type { ContextType } from "./types.ts";

const NAME = { sessionId: "ses_1", type: "thing", key: "a" };
const thing = (value: unknown) => ({ ...note(""), type: "thing", value });

const first: ContextType = { name: "thing", schema: z.object({ name: z.string() }) };
const third: ContextType = {
  name: "thing",
  version: 3,
  schema: z.object({ title: z.string(), tags: z.array(z.string()) }),
  upgrades: {
    1: (value) => ({ title: (value as { name: string }).name }),
    2: (value) => ({ ...(value as object), tags: [] }),
  },
};

test("a definition that breaks a rule is refused, and a name belongs to one type", async () => {
  const schema = z.string();
  const bad: Partial<ContextType>[] = [
    { name: "Camel" },
    { name: "a-b" },
    { name: "x".repeat(65) },
    { schema: {} as never },
    { version: 0 },
    { version: 2 },
    { version: 2, upgrades: { 2: String } },
    { version: 2, upgrades: { 0: String } },
    { version: 3, upgrades: { 1: String, [-1]: String } },
    { version: 3, upgrades: { 1: String, [0.5]: String } },
    { version: 1, upgrades: { 1: String } },
    { ttlMs: 0 },
    { ttlMs: 31 * 86_400_000 },
    { maxBytes: 1024 * 1024 + 1 },
  ];
  for (const change of bad) expect(() => defineContextType({ name: "ok", schema, ...change })).toThrow(TypeError);
  const { store } = await openContext();
  store.register(noteType);
  expect(() => store.register({ ...noteType })).toThrow(expect.objectContaining({ code: "CONFLICT" }));
  expect(store.types()).toEqual(["count", "note"]);
});

test("an older value is brought up step by step, and shared over it goes the newer form", async () => {
  const old = await openContext({ types: [first] });
  await old.store.share(thing({ name: "x" }));
  await old.store.share(thing({ name: "y" }));
  const { store } = await openContext({ types: [third] }, { folder: old.folder, time: old.time });
  expect(await store.get(NAME)).toMatchObject({ value: { title: "y", tags: [] }, version: 2 });
  expect(await store.history(NAME)).toMatchObject([{ value: { title: "y" } }, { value: { title: "x" } }]);
  expect(await store.share({ ...thing({ title: "z", tags: ["t"] }), expectedVersion: 2 })).toMatchObject({
    version: 3,
  });
});

test("what a newer program shared is kept, not served, and not replaced before it has expired", async () => {
  const newer = await openContext({ types: [third] });
  await newer.store.share(thing({ title: "x", tags: [] }));
  const { store, time } = await openContext({ types: [first] }, { folder: newer.folder, time: newer.time });
  expect(await store.get(NAME)).toBeUndefined();
  expect(await store.query({ sessionId: "ses_1" })).toEqual([]);
  expect(await store.exportSession("ses_1")).toEqual([]);
  for (const expectedVersion of [undefined, 0, 1]) {
    const change = expectedVersion === undefined ? {} : { expectedVersion };
    await expect(store.share({ ...thing({ name: "y" }), ...change })).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("knows more"),
    });
  }
  await expect(store.remove(NAME)).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await newer.store.get(NAME)).toMatchObject({ value: { title: "x" } });
  time.now = START + 3_600_000;
  expect(await store.share(thing({ name: "y" }))).toMatchObject({ version: 1 });
});

test("an entry of a type that is not registered is kept and comes back with the type", async () => {
  const { store, folder, time } = await openContext({ types: [first] });
  await store.share(thing({ name: "x" }));
  const without = await openContext({ types: [noteType] }, { folder, time });
  expect(await without.store.get(NAME)).toBeUndefined();
  expect(await without.store.query({ sessionId: "ses_1", type: "thing" })).toEqual([]);
  without.store.register(first);
  expect(await without.store.get(NAME)).toMatchObject({ value: { name: "x" } });
});

test("an upgrade that throws, or gives what the schema refuses, serves nothing and is told once", async () => {
  const old = await openContext({ types: [first] });
  await old.store.share(thing({ name: "x" }));
  await old.store.share({ ...thing({ name: "y" }), key: "b" });
  for (const upgrade of [() => ({ no: 1 }), () => JSON.parse("{")]) {
    const told: string[] = [];
    const tell = (message: string): void => void told.push(message);
    const logger = { debug: tell, info: tell, warn: tell, error: tell, child: () => logger, enabled: () => true };
    const types = [{ ...first, version: 2, upgrades: { 1: upgrade } }];
    const { store } = await openContext({ types, logger }, { folder: old.folder, time: old.time });
    expect(await store.get(NAME)).toBeUndefined();
    expect(await store.query({ sessionId: "ses_1" })).toEqual([]);
    expect(told).toHaveLength(1);
  }
  expect(await old.store.get(NAME)).toMatchObject({ value: { name: "x" } });
});
