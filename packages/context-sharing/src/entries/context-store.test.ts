/**
 * What is pinned here: versions, names, values, provenance and queries of one store in one process. Expiry, limits,
 * types and processes have files of their own.
 */
import { createRedactor } from "@container-kit/observability";
import { expect, test, vi } from "vitest";
import { z } from "zod";
import { note, openContext, START } from "../../test/entries/open-context.ts";
import type { NewEvent } from "../events/types.ts";

const NAME = { sessionId: "ses_1", type: "note", key: "a" };

test("what was shared is read with who made it, when, and as which version", async () => {
  const { store, time } = await openContext();
  const first = await store.share(note("one", { labels: { "app.io/stage": "test" } }));
  expect(first).toEqual({
    ...NAME,
    value: { text: "one" },
    version: 1,
    producer: { tool: "build_image", executionId: "exe_1" },
    labels: { "app.io/stage": "test" },
    createdAt: START,
    expiresAt: START + 3_600_000,
    size: 14,
  });
  time.now += 5;
  const second = await store.share(note("two", { producer: { tool: "push_image", executionId: "exe_2" } }));
  expect(second).toMatchObject({ version: 2, labels: {}, createdAt: START + 5 });
  expect(await store.get(NAME)).toEqual(second);
  expect(await store.history(NAME)).toEqual([second, first]);
});

test("nothing of another session is served, listed, counted or removed", async () => {
  const { store } = await openContext();
  await store.share(note("mine"));
  const other = { ...NAME, sessionId: "ses_2" };
  expect(await store.get(other)).toBeUndefined();
  expect(await store.history(other)).toEqual([]);
  expect(await store.query({ sessionId: "ses_2" })).toEqual([]);
  expect(await store.exportSession("ses_2")).toEqual([]);
  expect(await store.usage("ses_2")).toEqual({ entries: 0, bytes: 0 });
  expect(await store.remove(other)).toBe(false);
  expect(await store.removeProduced("ses_2", "exe_1")).toBe(0);
  await store.removeSession("ses_2");
  expect(await store.get(NAME)).toMatchObject({ value: { text: "mine" } });
});

test("a stale share or removal changes nothing and names the present version", async () => {
  const { store } = await openContext();
  await expect(store.share(note("x", { expectedVersion: 1 }))).rejects.toMatchObject({
    code: "CONFLICT",
    details: { presentVersion: 0, expectedVersion: 1 },
  });
  await store.share(note("one", { expectedVersion: 0 }));
  await expect(store.share(note("x", { expectedVersion: 0 }))).rejects.toMatchObject({ code: "CONFLICT" });
  await store.share(note("two", { expectedVersion: 1 }));
  const stale = { code: "CONFLICT", details: { presentVersion: 2, expectedVersion: 1 } };
  await expect(store.share(note("x", { expectedVersion: 1 }))).rejects.toMatchObject(stale);
  await expect(store.remove({ ...NAME, expectedVersion: 1 })).rejects.toMatchObject(stale);
  expect(await store.get(NAME)).toMatchObject({ version: 2, value: { text: "two" } });
  expect(await store.remove({ ...NAME, expectedVersion: 2 })).toBe(true);
  expect(await store.remove(NAME)).toBe(false);
  expect(await store.share(note("again"))).toMatchObject({ version: 1 });
});

test("1,000 shares at once become 1,000 versions, and read-modify-write loops lose no step", async () => {
  const { store } = await openContext();
  const shared = await Promise.all(Array.from({ length: 1000 }, (_, index) => store.share(note(`${index}`))));
  expect(new Set(shared.map(({ version }) => version))).toEqual(new Set(Array.from({ length: 1000 }, (_, n) => n + 1)));
  expect(await store.history(NAME)).toHaveLength(16);
  const counter = { sessionId: "ses_1", type: "count", key: "n" };
  const add = async (): Promise<void> => {
    for (;;) {
      const present = await store.get(counter);
      const count = (present?.value as { count: number } | undefined)?.count ?? 0;
      const next = { ...note(""), ...counter, value: { count: count + 1 }, expectedVersion: present?.version ?? 0 };
      const done = await store.share(next).then(
        () => true,
        () => false,
      );
      if (done) return;
    }
  };
  await Promise.all(Array.from({ length: 50 }, add));
  expect(await store.get(counter)).toMatchObject({ value: { count: 50 }, version: 50 });
});

test("a query narrows by type, tool, execution and labels, the last shared first, also when the clock goes back", async () => {
  const { store, time } = await openContext();
  const scan = { producer: { tool: "scan_security", executionId: "exe_2" } };
  await store.share(note("1", { key: "a", labels: { env: "test", app: "x" } }));
  time.now -= 60_000;
  await store.share(note("2", { key: "b", labels: { env: "prod", app: "x" }, ...scan }));
  await store.share({ ...note("", { key: "c" }), type: "count", value: { count: 3 }, ...scan });
  await store.share(note("4", { key: "a", labels: { env: "test", app: "y" } }));
  const keys = async (query: object): Promise<readonly string[]> =>
    (await store.query({ sessionId: "ses_1", ...query })).map(({ type, key }) => `${type} ${key}`);
  expect(await keys({})).toEqual(["note a", "count c", "note b"]);
  expect(await keys({ limit: 2 })).toEqual(["note a", "count c"]);
  expect(await keys({ type: "note" })).toEqual(["note a", "note b"]);
  expect(await keys({ tool: "scan_security" })).toEqual(["count c", "note b"]);
  expect(await keys({ executionId: "exe_2", type: "count" })).toEqual(["count c"]);
  expect(await keys({ labels: { app: "x" } })).toEqual(["note b"]);
  expect(await keys({ labels: { app: "y", env: "test" } })).toEqual(["note a"]);
  expect(await keys({ labels: { app: "y", env: "prod" } })).toEqual([]);
  expect(await keys({ labels: {} })).toHaveLength(3);
  await expect(store.query({ sessionId: "ses_1", limit: 1001 })).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

test("large entries are read with a turn for others between them", async () => {
  const { store } = await openContext();
  for (let index = 0; index < 4; index += 1) await store.share(note("x".repeat(1_000_000), { key: `k${index}` }));
  let turns = 0;
  const count = (): void => {
    turns += 1;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  expect(await store.query({ sessionId: "ses_1" })).toHaveLength(4);
  expect(turns).toBeGreaterThan(0);
  const before = turns;
  expect(await store.exportSession("ses_1")).toHaveLength(4);
  expect(turns).toBeGreaterThan(before);
  clearImmediate(next);
});

test("entries that cannot be served take no place in a query's limit", async () => {
  const { store, storage } = await openContext();
  for (const key of ["a", "b", "c", "d"]) await store.share(note(key, { key }));
  const other = await openContext(
    { types: [{ name: "extra", schema: z.number() }] },
    { folder: storage.folder, time: { now: START + 1 } },
  );
  for (const key of ["x", "y", "z"]) await other.store.share({ ...note("", { key }), type: "extra", value: 1 });
  expect((await store.query({ sessionId: "ses_1", limit: 2 })).map(({ key }) => key)).toEqual(["d", "c"]);
});

test("what is handed out is nobody else's: a change of it, or of what was handed in, is seen by no one", async () => {
  const { store } = await openContext();
  const value = { text: "kept" };
  const shared = await store.share(note("", { value }));
  value.text = "changed";
  (shared.value as { text: string }).text = "changed";
  const read = await store.get(NAME);
  Object.assign(read?.value ?? {}, { text: "changed" });
  expect(await store.get(NAME)).toMatchObject({ value: { text: "kept" } });
});

test("a value is kept as its schema gives it back and masked; a key that is a secret is refused", async () => {
  const redactor = createRedactor();
  redactor.learn("hunter2-hunter2");
  const { store, storage } = await openContext({ redactor });
  store.register({ name: "typed", schema: z.object({ at: z.coerce.number(), note: z.string().default("none") }) });
  const typed = await store.share({ ...note(""), type: "typed", value: { at: "5", other: 1 } });
  expect(typed.value).toEqual({ at: 5, note: "none" });
  const masked = await store.share(note("", { value: { text: "password is hunter2-hunter2" } }));
  expect(JSON.stringify([masked, await store.get(NAME)])).not.toContain("hunter2");
  await expect(store.share(note("x", { key: "hunter2-hunter2" }))).rejects.toMatchObject({ code: "INVALID_INPUT" });
  expect(storage.health().status).toBe("ok");
});

test("hostile values are refused where JSON would change them, with the place, and harmless otherwise", async () => {
  const redactor = createRedactor();
  const { store } = await openContext({ redactor });
  store.register({ name: "any", schema: z.unknown() });
  const share = (value: unknown) => store.share({ ...note(""), type: "any", value });
  const circle: Record<string, unknown> = {};
  circle["again"] = [circle, circle];
  const bad: [unknown, string][] = [
    [undefined, "value"],
    [{ a: [1, { b: 1n }] }, "value.a[1].b"],
    [{ a: () => 1 }, "value.a"],
    [[Number.NaN], "value[0]"],
    [{ a: [undefined] }, "value.a[0]"],
    [{ when: new Date(0) }, "value.when"],
    [new Map(), "value"],
    [{ toJSON: () => 1 }, "value"],
    [Object.assign([1], { toJSON: () => "another" }), "value"],
    [new Proxy({}, { ownKeys: () => [1n] as never }), "value"],
    [{ text: "x".repeat(2 ** 28) }, "value"],
    [{ ["k".repeat(2 ** 21)]: 1 }, "value"],
  ];
  const masked = vi.spyOn(redactor, "value");
  for (const [value, path] of bad) {
    await expect(share(value)).rejects.toMatchObject({ code: "INVALID_INPUT", details: { issues: [{ path }] } });
  }
  // What is too large in any case is not looked through for secrets, which takes seconds.
  expect(masked.mock.calls.filter(([asked]) => typeof asked !== "string")).toEqual([]);
  const refused = await share(circle).catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "INVALID_INPUT" });
  expect((refused as Error).message.length).toBeLessThan(300);
  const hostile = JSON.parse('{"__proto__":{"polluted":1},"constructor":2}') as object;
  const kept = await share(hostile);
  expect(JSON.stringify(kept.value)).toBe(JSON.stringify(hostile));
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
  expect(await share({ a: undefined, b: "\u{d800}\u0000" })).toMatchObject({ value: { b: "\u{d800}\u0000" } });
});

test("arguments that break a rule are refused by name", async () => {
  const { store } = await openContext();
  const bad: [object, string][] = [
    [{ sessionId: "" }, "sessionId"],
    [{ type: "unknown" }, "type"],
    [{ key: "" }, "key"],
    [{ key: "k".repeat(513) }, "key"],
    [{ key: "a\nb" }, "key"],
    [{ key: "half \u{d800}" }, "key"],
    [{ value: { text: 1 } }, "value.text"],
    [{ expectedVersion: -1 }, "expectedVersion"],
    [{ ttlMs: 0 }, "ttlMs"],
    [{ ttlMs: 30 * 86_400_000 + 1 }, "ttlMs"],
    [{ labels: { "a b": "c" } }, 'labels["a b"]'],
    [{ labels: { a: "no space" } }, 'labels["a"]'],
    [{ labels: ["a"] }, "labels"],
    [{ labels: { a: `ghp_${"a".repeat(36)}` } }, "labels"],
    [{ producer: { tool: "", executionId: "e" } }, "producer.tool"],
    [{ value: { text: "x".repeat(1024 * 1024) } }, "value"],
  ];
  for (const [change, path] of bad) {
    const shared = store.share(note("x", change));
    await expect(shared).rejects.toMatchObject({ code: "INVALID_INPUT", details: { issues: [{ path }] } });
  }
  await expect(store.share(note("x".repeat(1024 * 1024 - 5)))).rejects.toThrow(/1048582 bytes.*1048576/);
  for (const member of ["sessionId", "type", "tool", "executionId", "labels"]) {
    const asked = { sessionId: "ses_1", [member]: [1] as never };
    const issues = [expect.objectContaining({ path: member })];
    await expect(store.query(asked)).rejects.toMatchObject({ code: "INVALID_INPUT", details: { issues } });
  }
  expect(await store.usage()).toEqual({ entries: 0, bytes: 0 });
});

test("what an execution shared is taken back everywhere, earlier versions are served again, and no version comes twice", async () => {
  const { store } = await openContext();
  const by = (executionId: string) => ({ producer: { tool: "t", executionId } });
  await store.share(note("1", by("e1")));
  await store.share(note("2", by("e2")));
  await store.share(note("3", by("e1")));
  await store.share(note("4", by("e2")));
  await store.share(note("only", { key: "b", ...by("e2") }));
  expect(await store.removeProduced("ses_1", "e2")).toBe(3);
  expect((await store.history(NAME)).map(({ version }) => version)).toEqual([3, 1]);
  expect(await store.get({ ...NAME, key: "b" })).toBeUndefined();
  expect(await store.usage("ses_1")).toEqual({ entries: 1, bytes: 24 });
  expect(await store.share(note("5", { expectedVersion: 3 }))).toMatchObject({ version: 5 });
  expect(await store.removeProduced("ses_1", "e2")).toBe(0);
});

test("a session is exported as plain JSON with its histories, and removed whole", async () => {
  const { store } = await openContext();
  for (let index = 0; index < 150; index += 1) await store.share(note(`${index}`, { key: `k${index % 140}` }));
  const exported = (await store.exportSession("ses_1")) as { key: string; version: number; history: object[] }[];
  expect(exported).toHaveLength(140);
  expect(exported.find(({ key }) => key === "k3")).toMatchObject({
    version: 2,
    value: { text: "143" },
    history: [{ version: 1, value: { text: "3" } }],
  });
  expect(JSON.parse(JSON.stringify(exported))).toEqual(exported);
  await store.removeSession("ses_1");
  expect(await store.exportSession("ses_1")).toEqual([]);
  expect(await store.usage()).toEqual({ entries: 0, bytes: 0 });
});

test("who listens is told what was shared and removed, never the value", async () => {
  const told: NewEvent[] = [];
  const { store, time } = await openContext({ events: { publishSoon: (event) => void told.push(event) } });
  await store.share(note("secret of the value"));
  await store.share(note("x", { key: "b" }));
  await store.remove(NAME);
  await store.removeProduced("ses_1", "exe_1");
  await store.share(note("y"));
  time.now += 3_600_000;
  await store.sweep();
  expect(told.map(({ type, sessionId, data }) => [type, sessionId, data])).toEqual([
    ["context.shared", "ses_1", { type: "note", key: "a", version: 1, tool: "build_image" }],
    ["context.shared", "ses_1", { type: "note", key: "b", version: 1, tool: "build_image" }],
    ["context.removed", "ses_1", { type: "note", key: "a", why: "removed" }],
    ["context.removed", "ses_1", { type: "note", key: "b", version: 1, why: "undone" }],
    ["context.shared", "ses_1", { type: "note", key: "a", version: 1, tool: "build_image" }],
    ["context.removed", null, { why: "expired", count: 1 }],
  ]);
});
