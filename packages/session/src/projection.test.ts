import type { JournalEntry } from "@container-kit/storage";
import * as fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { openMemoryRecord } from "../test/memory-record.ts";
import type { MemoryRecord } from "../test/memory-record.ts";
import { percentiles, parseHistogram } from "./histogram.ts";
import { executionIdOf } from "./ids.ts";
import { errorCounts, errors, executions, summaries } from "./record-tables.ts";

const HOUR = 60 * 60 * 1000;
const BEGAN = Date.UTC(2026, 0, 1);
const KEEP_ALL = { now: BEGAN, before: 0, count: 1e9, overSize: false };

let record: MemoryRecord;

beforeEach(() => {
  record = openMemoryRecord();
});

const idOf = (n: number): string => `${executionIdOf((BEGAN + n * HOUR) * 1000)}1`;

function start(n: number, { session = "ses_1", tool = "t" } = {}): JournalEntry {
  const body = { id: idOf(n), session, owner: 1, tool, correlation: "c", at: BEGAN + n * HOUR, input: { n } };
  return { kind: "session:start", body };
}

function end(n: number, status = "completed", ms = 10): JournalEntry {
  if (status === "interrupted") return { kind: "session:end", body: { id: idOf(n), status } };
  const outcome =
    status === "completed"
      ? { result: { n } }
      : { error: { code: "BUILD_FAILED", message: "m" }, code: "BUILD_FAILED" };
  return { kind: "session:end", body: { id: idOf(n), status, at: BEGAN + n * HOUR + ms, ms, ...outcome } };
}

/** As journals have them: an end follows its start. */
function inOrder(entries: readonly JournalEntry[]): readonly JournalEntry[] {
  const begun = new Set<unknown>();
  return entries.filter(({ kind, body }) => {
    const { id } = body as { readonly id: string };
    if (kind === "session:start") begun.add(id);
    return begun.has(id);
  });
}

/** All rows, whatever their order and that of the buckets in a histogram. */
function everything(): readonly unknown[] {
  const { statements } = record;
  const rows = [executions, errors, errorCounts].map((table) => statements.select().from(table).all());
  const counts = statements.select().from(summaries).all();
  const plain = counts.map((row) => ({ ...row, histogram: [...parseHistogram(row.histogram)].map(String).toSorted() }));
  return [...rows, plain].map((each) => each.map((row) => JSON.stringify(row)).toSorted());
}

const entry = fc.oneof(
  fc.nat({ max: 6 }).map((n) => start(n, { tool: n % 2 === 0 ? "even" : "odd", session: `ses_${n % 3}` })),
  fc
    .record({
      n: fc.nat({ max: 6 }),
      status: fc.constantFrom("completed", "failed", "cancelled", "interrupted"),
      ms: fc.nat(),
    })
    .map(({ n, status, ms }) => end(n, status, ms)),
);

test("entries make the same tables in whatever batches they come, and repeating them all changes nothing", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }).map(inOrder), fc.integer({ min: 1, max: 10 }), (entries, size) => {
      record = openMemoryRecord();
      record.apply(entries);
      const whole = everything();
      record.apply(entries);
      expect(everything()).toEqual(whole);
      record = openMemoryRecord();
      for (let at = 0; at < entries.length; at += size) record.apply(entries.slice(at, at + size));
      expect(everything()).toEqual(whole);
    }),
    { numRuns: 25 },
  );
});

test("the counts are what counting the executions gives, in every scope", () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }).map(inOrder), (entries) => {
      record = openMemoryRecord();
      for (const each of entries) record.apply([each]);
      const rows = record.statements.select().from(executions).all();
      for (const row of record.statements.select().from(summaries).all()) {
        const counted = rows.filter(
          ({ tool, sessionId, startedAt }) =>
            tool === row.tool &&
            (row.scope === "all" ||
              row.scope === sessionId ||
              row.at === startedAt - (startedAt % (row.scope === "hour" ? HOUR : 24 * HOUR))),
        );
        expect(row.count).toBe(counted.length);
        for (const status of ["completed", "failed", "cancelled", "interrupted"] as const) {
          expect(row[status]).toBe(counted.filter((each) => each.status === status).length);
        }
      }
      const total = record.statements
        .select()
        .from(summaries)
        .all()
        .filter(({ scope }) => scope === "all");
      expect(total.reduce((sum, { count }) => sum + count, 0)).toBe(rows.length);
    }),
    { numRuns: 25 },
  );
});

test("interrupted gives way to an end that was seen, and no other end does", () => {
  record.apply([start(1), end(1, "interrupted")]);
  expect(record.statements.select().from(executions).all()).toMatchObject([{ status: "interrupted", endedAt: null }]);
  record.apply([end(1, "failed", 7)]);
  record.apply([end(1, "interrupted"), end(1, "completed")]);
  expect(record.statements.select().from(executions).all()).toMatchObject([
    { status: "failed", durationMs: 7, result: null },
  ]);
  const [all] = record.statements.select().from(summaries).all();
  expect(all).toMatchObject({ count: 1, interrupted: 0, failed: 1, completed: 0 });
  expect(percentiles(parseHistogram(all?.histogram ?? ""), [0.5])[0]).toBeCloseTo(7, 0);
  expect(record.statements.select().from(errorCounts).all()).toMatchObject([{ scope: "all", count: 1 }, { count: 1 }]);
});

test("an end without a start is dropped, and so is what cannot be read", () => {
  const rubbish = [
    null,
    1,
    "x",
    [],
    {},
    { id: 1 },
    { id: "exe_1", status: "running" },
    { session: "ses_1" },
    { job: "j" },
  ];
  const kinds = ["session:start", "session:end", "session:job", "session:delete", "session:later"];
  record.apply([end(1), ...kinds.flatMap((kind) => rubbish.map((body) => ({ kind, body })))]);
  expect(everything()).toEqual([[], [], [], []]);
});

test("pruning removes the oldest that have ended, by age, by count and by size, a few at a time", () => {
  record.apply(
    Array.from({ length: 100 }, (_, n) =>
      n === 0 ? [start(n)] : [start(n), end(n, n % 2 === 0 ? "failed" : "completed")],
    ).flat(),
  );
  expect(record.prune(KEEP_ALL, 50)).toBe(0);
  expect(record.prune({ ...KEEP_ALL, before: BEGAN + 21 * HOUR }, 15)).toBe(15);
  expect(record.prune({ ...KEEP_ALL, before: BEGAN + 21 * HOUR }, 15)).toBe(5);
  expect(record.prune({ ...KEEP_ALL, before: BEGAN + 21 * HOUR }, 15)).toBe(0);
  expect([record.count("executions"), record.count("errors")]).toEqual([80, 39]);
  expect(record.prune({ ...KEEP_ALL, count: 70 }, 50)).toBe(10);
  expect(record.prune({ ...KEEP_ALL, overSize: true }, 50)).toBe(50);
  expect([record.count("executions"), record.count("errors")]).toEqual([20, 9]);
  const left = record.statements.select({ id: executions.id, status: executions.status }).from(executions).all();
  expect(left[0]).toEqual({ id: idOf(0), status: "running" });
  expect(left[1]?.id).toBe(idOf(81));
  record.apply([end(0)]);
  expect(record.prune({ ...KEEP_ALL, count: 0 }, 50)).toBe(20);
  expect(record.count("executions")).toBe(0);
});

test("hours are kept for a week and days for 400 days; the counts of all time stay", () => {
  // The last is of a clock that was ahead for a moment.
  const days = [0, 5, 20, 300, 450, 2000];
  record.apply(days.flatMap((day) => [start(day * 24), end(day * 24)]));
  let removed = 0;
  const limits = { ...KEEP_ALL, now: BEGAN + 450 * 24 * HOUR };
  for (let batch = record.prune(limits, 50); batch > 0; batch = record.prune(limits, 50)) removed += batch;
  expect(removed).toBe(7);
  const rows = record.statements.select({ scope: summaries.scope, at: summaries.at }).from(summaries).all();
  const of = (scope: string): readonly number[] =>
    rows.filter((row) => row.scope === scope).map(({ at }) => (at - BEGAN) / 24 / HOUR);
  expect(of("hour")).toEqual([450, 2000]);
  expect(of("day")).toEqual([300, 450, 2000]);
  expect(
    record.statements
      .select({ count: summaries.count })
      .from(summaries)
      .all()
      .filter(({ count }) => count === 6),
  ).toHaveLength(2);
});

test("a deleted session goes in batches, and what is still told of it is not taken", () => {
  const told = Array.from({ length: 500 }, (_, n) => [start(n), end(n, "failed")]).flat();
  record.apply([...told, start(1000, { session: "ses_2" })]);
  const deletion = { kind: "session:delete", body: { session: "ses_1", at: BEGAN } };
  record.apply([deletion]);
  expect(record.count("executions")).toBe(301);
  record.apply([start(2000), end(3)]);
  while (record.prune(KEEP_ALL, 50) > 0);
  expect(record.statements.select({ id: executions.id }).from(executions).all()).toEqual([{ id: idOf(1000) }]);
  expect(record.count("errors")).toBe(0);
  record.apply([deletion, start(2001)]);
  record.prune({ ...KEEP_ALL, before: BEGAN + 1 }, 50);
  record.apply([start(2002)]);
  expect(record.count("executions")).toBe(2);
});
