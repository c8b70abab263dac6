import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import Sqlite from "better-sqlite3";
import { drizzle } from "drizzle-orm/better-sqlite3";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventsProjection, eventsSchema } from "../test/events.ts";
import { CertainTime, seeAtStart } from "./certain-time.ts";
import type { Retention } from "./index.ts";
import { Upkeep } from "./upkeep.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

let client: Sqlite.Database;
let time: number;

beforeEach(() => {
  client = new Sqlite(path.join(tempFolder(), "record.db"));
  time = Date.now();
});

afterEach(() => client.close());

function upkeep(retention: Retention, before?: number): Upkeep {
  for (const { statements } of eventsSchema.record)
    for (const statement of statements) client.exec(statement.replace("TABLE", "TABLE IF NOT EXISTS"));
  const clock = (): number => time;
  const projections = new Map([["events", eventsProjection.open({ statements: drizzle({ client }) })]]);
  return new Upkeep({
    client,
    projections,
    retention,
    clock,
    time: new CertainTime(seeAtStart(client, time, before), clock),
  });
}

function add(count: number, at: number): void {
  const insert = client.prepare("INSERT INTO events (at, text) VALUES (?, ?)");
  client.transaction(() => {
    for (let number = 0; number < count; number += 1) insert.run(at, "x".repeat(1000));
  })();
}

function count(): number {
  return Number(client.prepare("SELECT count(*) FROM events").pluck().get());
}

test("what is too old goes, at most 50 rows at a time", () => {
  const work = upkeep({ maxAgeMs: 30 * DAY_MS });
  add(120, time - 31 * DAY_MS);
  add(10, time);
  expect([work.prune(), count(), work.prune(), work.prune(), work.prune(), count()]).toEqual([
    true,
    80,
    true,
    true,
    false,
    10,
  ]);
});

test("a clock that jumps ahead makes nothing old", () => {
  const work = upkeep({ maxAgeMs: 30 * DAY_MS });
  add(10, time);
  time += 365 * DAY_MS;
  expect([work.prune(), count()]).toEqual([false, 10]);
});

test("a clock that was wrong at the start makes nothing old, and one that is right after long absence does a day later", () => {
  upkeep({}).prune();
  add(10, time);
  const right = time;
  time += 60 * DAY_MS;
  expect([upkeep({}).prune(), count()]).toEqual([false, 10]);
  // The wrong clock was set right: nothing is doubted any more.
  time = right + DAY_MS;
  expect([upkeep({}).prune(), count()]).toEqual([false, 10]);
  time += 60 * DAY_MS;
  expect([upkeep({}).prune(), count()]).toEqual([false, 10]);
  time += DAY_MS / 2;
  expect([upkeep({}).prune(), count()]).toEqual([false, 10]);
  time += DAY_MS / 2;
  expect([upkeep({}).prune(), count()]).toEqual([true, 0]);
});

test("a store of which it was not noted what it has seen was last used when its file was written", () => {
  const work = upkeep({}, time - 60 * DAY_MS);
  add(10, time - 31 * DAY_MS);
  expect([work.prune(), count()]).toEqual([false, 10]);
  client.exec("DROP TABLE _tasks");
  expect([upkeep({}, time - DAY_MS).prune(), count()]).toEqual([true, 0]);
});

test("a file over its size loses its oldest rows until it is not", () => {
  const work = upkeep({ maxBytes: 200_000 });
  add(1000, time);
  while (work.prune());
  expect(count()).toBeLessThan(200);
  expect(count()).toBeGreaterThan(100);
});

test("a file that can be made smaller is, in steps; one that was made without that ability asks to be written anew", () => {
  const work = upkeep({});
  add(2000, time);
  client.exec("DELETE FROM events");
  expect([work.shrink(), work.needsRewrite()]).toEqual([false, true]);
  client.pragma("auto_vacuum = INCREMENTAL");
  client.exec("VACUUM");
  add(2000, time);
  client.exec("DELETE FROM events");
  const pages = () => Number(client.pragma("page_count", { simple: true }));
  const before = pages();
  expect([work.shrink(), work.needsRewrite()]).toEqual([true, false]);
  expect(before - pages()).toBeGreaterThan(0);
  expect(before - pages()).toBeLessThanOrEqual(65);
  while (work.shrink());
  expect(pages()).toBeLessThan(before / 2);
});
