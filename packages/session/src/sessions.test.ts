import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import { beforeEach, expect, test } from "vitest";
import { begin, openStore } from "../test/open-store.ts";
import { sessionErrors } from "./index.ts";
import type { SessionStore } from "./index.ts";

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

let folder: string;
let store: SessionStore;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1);
  folder = tempFolder();
  ({ store } = await openStore(folder, { clock: () => now }));
});

test("the codes are as the contract has them", () => {
  const common = ["INVALID_INPUT", "NOT_FOUND", "CONFLICT", "UNSUPPORTED", "CANCELLED", "INTERNAL"];
  expect(Object.keys(sessionErrors)).toEqual([...common, "SESSION_NOT_FOUND", "SESSION_EXPIRED", "JOB_NOT_FOUND"]);
});

test("an opened session is there for another process too, with what it was opened with", async () => {
  const session = await store.openSession({ labels: { team: "a", app: "x" }, metadata: { client: { name: "c" } } });
  expect(session).toEqual({
    id: session.id,
    createdAt: now,
    lastUsedAt: now,
    expiresAt: now + DAY,
    labels: { app: "x", team: "a" },
    metadata: { client: { name: "c" } },
  });
  const { store: other } = await openStore(folder, { clock: () => now });
  expect(await other.findSession(session.id)).toEqual(session);
  expect(await other.findSession("ses_0")).toBeUndefined();
  expect(await other.getSession(session.id)).toMatchObject({
    ...session,
    jobs: [],
    executions: [],
    errors: [],
    omitted: 0,
  });
  expect(store.location).toBe(path.join(folder, "state.db"));
});

test.each(["ses_unknown", "", "x".repeat(100_000), "'; DROP TABLE sessions; --"])(
  "no session is found under %.20j",
  async (id) => {
    const refusal = { code: "SESSION_NOT_FOUND", message: expect.not.stringMatching(/.{200}/) as unknown };
    const { touchSession, getSession, expireSession, exportSession, deleteSession, workspace } = store;
    for (const ask of [touchSession, getSession, expireSession, exportSession, deleteSession, workspace]) {
      await expect(ask(id)).rejects.toMatchObject(refusal);
    }
    await expect(store.labelSession(id, { a: "b" })).rejects.toMatchObject(refusal);
  },
);

test("a session expires 24 h after its last use, not after its first, and can still be read then", async () => {
  const { id } = await store.openSession();
  now += 23 * HOUR;
  expect(await store.touchSession(id)).toMatchObject({ lastUsedAt: now, expiresAt: now + DAY });
  now += DAY - 1;
  await store.touchSession(id);
  now += DAY;
  await expect(store.touchSession(id)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  expect(await store.getSession(id)).toMatchObject({ id, lastUsedAt: now - DAY });
});

test("a session lives as long as it was opened for, and ends when it is ended", async () => {
  const short = await store.openSession({ lifetimeMs: HOUR });
  const ended = await store.openSession();
  now += HOUR;
  await expect(store.touchSession(short.id)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  await store.touchSession(ended.id);
  await store.expireSession(ended.id);
  const { store: other } = await openStore(folder, { clock: () => now });
  for (const each of [store, other]) {
    await expect(each.touchSession(ended.id)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
    expect(await each.findSession(ended.id)).toMatchObject({ expiresAt: now });
  }
  for (const lifetimeMs of [0, -1, 1.5, Number.NaN]) {
    await expect(store.openSession({ lifetimeMs })).rejects.toMatchObject({ code: "INVALID_INPUT" });
  }
});

test("uses of a second are written once, and a process that ends has written the first", async () => {
  const { id } = await store.openSession();
  const { store: other, storage } = await openStore(folder, { clock: () => now });
  now += HOUR;
  await other.touchSession(id);
  now += 900;
  expect(await other.touchSession(id)).toMatchObject({ lastUsedAt: now });
  await storage.close();
  expect(await store.findSession(id)).toMatchObject({ lastUsedAt: now - 900 });
});

test("a wall clock that jumps ends no session and makes no time go back", async () => {
  const began = now;
  let elapsed = 0;
  const clocks = { clock: () => now, monotonicClock: () => elapsed };
  const { store: jumping } = await openStore(folder, clocks);
  const [used, unused] = [await jumping.openSession(), await jumping.openSession()];
  for (const jump of [30 * DAY, -31 * DAY, -now, began]) {
    now += jump;
    elapsed += 1000;
    expect((await jumping.touchSession(used.id)).lastUsedAt).toBeGreaterThanOrEqual(used.lastUsedAt);
    const { id: executionId } = await begin(jumping, used.id);
    elapsed += 5;
    await jumping.endExecution(executionId, { status: "completed", result: null });
  }
  await jumping.touchSession(unused.id);
  const { executions } = await jumping.getSession(used.id);
  expect(executions.map(({ durationMs }) => durationMs)).toEqual([5, 5, 5, 5]);
  for (const { startedAt, endedAt } of executions) expect(endedAt).toBe(startedAt + 5);
  elapsed += 40 * DAY;
  now = began + 80 * DAY;
  await expect(jumping.touchSession(unused.id)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
});

test("labels and metadata are set and removed one by one", async () => {
  const { id } = await store.openSession({ labels: { a: "1", b: "2" }, metadata: { kept: [1] } });
  expect((await store.labelSession(id, { a: null, c: "", b: "3" })).labels).toEqual({ b: "3", c: "" });
  expect((await store.describeSession(id, { note: "x", gone: undefined, kept: null })).metadata).toEqual({ note: "x" });
  await expect(store.labelSession(id, { "-": "x" })).rejects.toMatchObject({ code: "INVALID_INPUT" });
  await expect(store.describeSession(id, { long: "ü".repeat(33_000) })).rejects.toMatchObject({
    code: "INVALID_INPUT",
  });
  expect(await store.findSession(id)).toMatchObject({ labels: { b: "3", c: "" }, metadata: { note: "x" } });
  expect(await store.listSessions({ selector: "b=3,!a" })).toMatchObject([{ id }]);
  expect(await store.listSessions({ selector: "a" })).toEqual([]);
});

test("sessions are listed with the newest use first, in pages, with what happened in them", async () => {
  const ids: string[] = [];
  for (let index = 0; index < 3; index += 1) {
    ids.push((await store.openSession()).id);
    now += 1;
  }
  const [first = "", second = "", third = ""] = ids;
  for (const tool of ["push_image", "tag_image"]) {
    const { id } = await begin(store, first, { tool });
    if (tool === "push_image") await store.endExecution(id, { status: "failed", error: failure });
    now += 1;
  }
  await store.touchSession(first);
  const listed = await store.listSessions();
  expect(listed.map(({ id }) => id)).toEqual([first, third, second]);
  expect(listed[0]).toMatchObject({ executions: 2, failures: 1, lastTool: "tag_image" });
  expect(listed[1]).toMatchObject({ executions: 0, failures: 0, lastTool: null });
  const page = await store.listSessions({ limit: 1, before: listed[0]?.lastUsedAt ?? 0 });
  expect(page.map(({ id }) => id)).toEqual([third]);
  expect(await store.listSessions({ before: 0 })).toEqual([]);
});

const failure = {
  code: "AUTH_FAILED",
  category: "registry",
  message: "the registry refused the password",
  retryable: false,
  remedy: "Sign in.",
} as const;

test("a workspace is made for this user alone, counted without following links, and refused over its quota", async () => {
  const { id } = await store.openSession({ diskQuotaBytes: 10 });
  const { folder: made } = await store.workspace(id);
  expect(made).toBe(path.join(folder, "sessions", id));
  expect((statSync(made).mode & 0o777).toString(8)).toBe("700");
  mkdirSync(path.join(made, "a"));
  writeFileSync(path.join(made, "a", "f"), "x".repeat(4));
  symlinkSync("/", path.join(made, "a", "r"));
  expect(await store.workspace(id)).toEqual({ folder: made, usedBytes: 5, quotaBytes: 10 });
  writeFileSync(path.join(made, "g"), "x".repeat(6));
  await expect(store.workspace(id)).rejects.toMatchObject({
    code: "CONFLICT",
    details: { usedBytes: 11, quotaBytes: 10, folder: made },
  });
});

test("a job's folder is made when asked for, for this user alone", async () => {
  const { id } = await store.openSession();
  const { lease } = await begin(store, id, { job: true });
  expect(readdirSync(folder)).not.toContain("jobs");
  const made = await store.jobFolder(lease?.jobId ?? "");
  expect(await store.jobFolder(lease?.jobId ?? "")).toBe(made);
  for (const each of [made, path.dirname(made)]) expect((statSync(each).mode & 0o777).toString(8)).toBe("700");
});

/** A session with something of each kind that belongs to one. */
async function fullSession(): Promise<string> {
  const { id } = await store.openSession({ labels: { a: "b" } });
  const { id: execution, lease } = await begin(store, id, { job: true });
  await store.claimIdempotencyKey(`key of ${id}`, "print", execution);
  await store.settleIdempotencyKey(`key of ${id}`, 1);
  await store.endExecution(execution, { status: "failed", error: failure });
  if (lease !== null) await store.endJob(lease, { status: "failed", outcome: null });
  await store.jobFolder(lease?.jobId ?? "");
  writeFileSync(path.join((await store.workspace(id)).folder, "f"), "x");
  return id;
}

test("a session is deleted with everything that belongs to it, and with nothing else", async () => {
  const [gone, kept] = [await fullSession(), await fullSession()];
  for (let index = 0; index < 500; index += 1) await begin(store, gone);
  const late = await begin(store, gone);
  expect(await store.deleteSession(gone)).toEqual({ id: gone, jobs: 1, executions: 502 });
  await store.endExecution(late.id, { status: "completed", result: null });
  await begin(store, gone);
  await expect(store.getSession(gone)).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
  expect(await store.listSessions({ selector: "a=b" })).toMatchObject([{ id: kept, executions: 1 }]);
  expect((await store.history({ limit: 1000 })).map(({ sessionId }) => sessionId)).toEqual([kept]);
  expect(await store.errors()).toMatchObject([{ sessionId: kept }]);
  expect(await store.statistics({ sessionId: gone })).toMatchObject({ count: 0, errors: [] });
  expect(await store.listJobs()).toMatchObject([{ sessionId: kept }]);
  expect(await store.claimIdempotencyKey(`key of ${gone}`, "other", "exe_1")).toEqual({ state: "claimed" });
  expect(await store.claimIdempotencyKey(`key of ${kept}`, "print", "exe_1")).toMatchObject({ state: "settled" });
  expect(readdirSync(path.join(folder, "sessions"))).toEqual([kept]);
  expect(readdirSync(path.join(folder, "jobs"))).toHaveLength(1);
});

test("deleting and exporting a session with much in it lets others have their turn", async () => {
  const { id } = await store.openSession();
  for (let index = 0; index < 3000; index += 1) await begin(store, id);
  await store.statistics();
  let turns = 0;
  const count = (): void => {
    turns += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  await store.exportSession(id);
  const exporting = turns;
  expect(await store.deleteSession(id)).toMatchObject({ executions: 3000 });
  clearImmediate(counting);
  expect(exporting).toBeGreaterThanOrEqual(3);
  expect(turns - exporting).toBeGreaterThanOrEqual(15);
});

test("a session with a job that runs is not deleted", async () => {
  const { id } = await store.openSession();
  const { lease } = await begin(store, id, { job: true });
  const refusal = { code: "CONFLICT", details: { jobId: lease?.jobId } };
  await expect(store.deleteSession(id)).rejects.toMatchObject(refusal);
  expect(await store.getSession(id)).toMatchObject({ jobs: [{ status: "running" }] });
});

test("an export holds the whole session, the oldest first", async () => {
  const id = await fullSession();
  for (let index = 0; index < 1100; index += 1) await begin(store, id);
  const exported = JSON.parse(JSON.stringify(await store.exportSession(id))) as Record<string, unknown[]>;
  expect(exported).toMatchObject({
    format: "container-kit-session",
    version: 1,
    session: { id },
    statistics: { count: 1101 },
  });
  expect(exported["executions"]).toHaveLength(1101);
  expect(exported["executions"]?.[0]).toMatchObject({ status: "failed" });
  expect(exported["jobs"]).toHaveLength(1);
  expect(exported["errors"]).toHaveLength(1);
});

test("sessions that expired long ago are pruned with all that is theirs, and keys a week after they were settled", async () => {
  const old = await fullSession();
  const busy = await store.openSession();
  await begin(store, busy.id, { job: true });
  expect(await store.prune()).toEqual({ sessions: 0, keys: 0 });
  now += 8 * DAY;
  const fresh = await fullSession();
  expect(await store.prune()).toEqual({ sessions: 0, keys: 1 });
  now += 23 * DAY + 1;
  expect(await store.prune({ signal: AbortSignal.abort() })).toEqual({ sessions: 0, keys: 0 });
  expect(await store.prune()).toEqual({ sessions: 1, keys: 1 });
  expect((await store.listSessions()).map(({ id }) => id)).toEqual([fresh, busy.id]);
  expect(readdirSync(path.join(folder, "sessions"))).toEqual([fresh]);
  expect(await store.statistics({ sessionId: old })).toMatchObject({ count: 0 });
});

test("a wall that was wrong at the start removes nothing, and sessions go on when it is right again", async () => {
  const opened = await openStore(folder);
  const { id } = await opened.store.openSession();
  await opened.storage.close();
  const wrong = await openStore(folder, { clock: () => Date.now() + 60 * DAY });
  expect(await wrong.store.prune()).toEqual({ sessions: 0, keys: 0 });
  await expect(wrong.store.touchSession(id)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  await wrong.storage.close();
  const right = await openStore(folder);
  expect(await right.store.touchSession(id)).toMatchObject({ id });
});

test("what this process ends is ended at once, what another ends a quarter of a second later at the latest", async () => {
  const { store: other } = await openStore(folder, { clock: () => now });
  const [own, theirs, gone] = [await store.openSession(), await store.openSession(), await store.openSession()];
  for (const { id } of [own, theirs, gone]) await store.touchSession(id);
  await store.expireSession(own.id);
  await expect(store.touchSession(own.id)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
  await store.deleteSession(gone.id);
  await expect(store.touchSession(gone.id)).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
  await other.expireSession(theirs.id);
  now += 250;
  await expect(store.touchSession(theirs.id)).rejects.toMatchObject({ code: "SESSION_EXPIRED" });
});
