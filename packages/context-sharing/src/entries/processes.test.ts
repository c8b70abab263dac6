/** What is pinned here: several processes on one file lose no update, and a killed one nothing that it was told is kept. */
import { tempFolder } from "@container-kit/config/temp-folder";
import { buildWorker, spawnWorker } from "@container-kit/config/worker";
import type { Worker } from "@container-kit/config/worker";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { note, openContext } from "../../test/entries/open-context.ts";

let worker: string;
const running: Worker[] = [];

beforeAll(async () => {
  worker = await buildWorker(new URL("../../test/entries/worker.ts", import.meta.url));
});

afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
});

function run(mode: string, folder: string, count = 0): Worker {
  const started = spawnWorker(worker, mode, `sqlite:${folder}/`, String(count));
  running.push(started);
  return started;
}

test("four processes that share at once get each version once, and none is lost", async () => {
  const folder = tempFolder();
  const workers = Array.from({ length: 4 }, () => run("share", folder, 250));
  for (const { ended } of workers) expect(await ended).toBe(0);
  const versions = workers.flatMap(({ lines }) => lines[0]?.["versions"] as number[]);
  expect(versions.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1));
});

test("a counter that four processes read, add to and share with the version they read counts exactly", async () => {
  const folder = tempFolder();
  const workers = Array.from({ length: 4 }, () => run("count", folder, 50));
  for (const { ended } of workers) expect(await ended).toBe(0);
  const conflicts = workers.map(({ lines }) => Number(lines[0]?.["conflicts"]));
  expect(conflicts.reduce((sum, each) => sum + each)).toBeGreaterThan(0);
  const { store } = await openContext({}, { folder, time: { now: Date.now() } });
  const counter = await store.get({ sessionId: "ses_1", type: "count", key: "n" });
  expect(counter).toMatchObject({ version: 200, value: { count: 200 } });
});

test("what a process was told is kept is there after kill -9, whole and in its order", async () => {
  const folder = tempFolder();
  for (let round = 0; round < 4; round += 1) {
    const { child, lines, ended } = run("work", folder);
    await vi.waitUntil(() => lines.length > 30 + round * 20, { timeout: 20_000, interval: 1 });
    child.kill("SIGKILL");
    expect(await ended).toBe("SIGKILL");
    const { store, storage } = await openContext({}, { folder, time: { now: Date.now() } });
    const acknowledged = new Map(lines.map(({ key, version }) => [key as string, version as number]));
    for (const [key, version] of acknowledged) {
      const history = await store.history({ sessionId: "ses_1", type: "note", key });
      // One more may have been written when the process had no time to say so.
      expect(history[0]?.version).toBeGreaterThanOrEqual(version);
      expect(history[0]?.version).toBeLessThanOrEqual(version + 1);
      expect(history).toHaveLength(Math.min(16, history[0]?.version ?? 0));
      for (const { value } of history) expect((value as { text: string }).text).toMatch(/^\d+ x*$/);
    }
    await storage.close();
  }
});

test("what one store shares or removes, another on the same file sees at once", async () => {
  const one = await openContext();
  const other = await openContext({}, { folder: one.folder, time: one.time });
  const name = { sessionId: "ses_1", type: "note", key: "a" };
  await one.store.share(note("from one"));
  expect(await other.store.get(name)).toMatchObject({ value: { text: "from one" } });
  await other.store.share(note("from the other", { expectedVersion: 1 }));
  expect(await one.store.history(name)).toHaveLength(2);
  await one.store.remove(name);
  expect(await other.store.query({ sessionId: "ses_1" })).toEqual([]);
});

test("a share waits for a process that holds the file, and is done when it is let go", async () => {
  const one = await openContext();
  const other = await openContext({}, { folder: one.folder, time: one.time });
  await other.store.share(note("1"));
  const queued = vi.spyOn(other.storage.shared, "write");
  const waiting: Promise<unknown>[] = [];
  one.storage.shared.writeNow(() => void waiting.push(other.store.share(note("2"))));
  expect(queued).toHaveBeenCalledTimes(1);
  expect(await waiting[0]).toMatchObject({ version: 2 });
  expect(await one.store.get({ sessionId: "ses_1", type: "note", key: "a" })).toMatchObject({ version: 2 });
});
