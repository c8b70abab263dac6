import { tempFolder } from "@container-kit/config/temp-folder";
import { buildWorker, spawnWorker } from "@container-kit/config/worker";
import type { Worker } from "@container-kit/config/worker";
import { afterEach, beforeAll, expect, test } from "vitest";
import { openBus } from "./open-bus.ts";

let program = "";
const running: Worker[] = [];

beforeAll(async () => {
  program = await buildWorker(new URL("./worker.ts", import.meta.url));
});

afterEach(async () => {
  for (const worker of running.splice(0)) await kill(worker);
});

test("two processes tell 500 events each, and both see all 1,000 in one order", async () => {
  const url = `sqlite:${tempFolder()}/`;
  const [one, other] = [start("tell", url, "one"), start("tell", url, "other")];
  for (const worker of [one, other]) {
    await expect.poll(() => said(worker, "seen").length, { timeout: 30_000 }).toBe(1000);
  }
  expect(said(one, "seen")).toEqual(said(other, "seen"));
  expect(new Set(said(one, "seen"))).toEqual(new Set([...said(one, "told"), ...said(other, "told")]));
});

test("of a process that is killed while it tells, nothing that was acknowledged is lost", async () => {
  const folder = tempFolder();
  const url = `sqlite:${folder}/`;
  const [dying, living] = [start("tell", url, "dying"), start("tell", url, "living")];
  await expect.poll(() => said(dying, "told").length, { timeout: 30_000, interval: 1 }).toBeGreaterThan(100);
  await kill(dying);
  expect(said(dying, "told").length).toBeLessThan(500);
  await expect.poll(() => said(living, "told").length, { timeout: 30_000 }).toBe(500);
  const { bus } = await openBus({ folder });
  const { events } = await bus.read({ limit: 1000 });
  const ids = events.map(({ id }) => id);
  await expect.poll(() => said(living, "seen"), { timeout: 30_000 }).toEqual(ids);
  expect(ids).toEqual(expect.arrayContaining([...said(dying, "told")]));
});

test("another process takes a name over when its holder is killed, and misses nothing", async () => {
  const folder = tempFolder();
  const url = `sqlite:${folder}/`;
  const holder = start("keep", url, "keeper");
  await expect.poll(() => said(holder, "state"), { timeout: 30_000 }).toEqual(["active"]);
  const heir = start("keep", url, "keeper");
  await expect.poll(() => said(heir, "state"), { timeout: 30_000 }).toEqual(["standby"]);
  const { bus } = await openBus({ folder });
  for (let n = 0; n < 200; n += 1) await bus.publish({ type: "tool.completed", sessionId: null, data: { n } });
  await expect.poll(() => said(holder, "handled").length, { timeout: 30_000, interval: 1 }).toBeGreaterThan(80);
  await kill(holder);
  const [first, handled] = [said(holder, "handled"), (): readonly unknown[] => said(heir, "handled")];
  expect([first.length < 200, handled()]).toEqual([true, []]);
  await expect.poll(() => handled().at(-1), { timeout: 30_000 }).toBe(199);
  const begun = Number(handled()[0]);
  // Some come twice: the place is kept a moment after what it stands for.
  expect(begun).toBeGreaterThan(0);
  expect(begun).toBeLessThanOrEqual(first.length);
  expect(first).toEqual(first.map((_, n) => n));
  expect(handled()).toEqual(Array.from({ length: 200 - begun }, (_, n) => begun + n));
});

function start(...args: readonly string[]): Worker {
  const worker = spawnWorker(program, ...args);
  running.push(worker);
  return worker;
}

async function kill({ child, ended }: Worker): Promise<void> {
  child.kill("SIGKILL");
  await ended;
}

function said({ lines }: Worker, what: string): readonly unknown[] {
  return lines.flatMap((line) => (what in line ? [line[what]] : []));
}
