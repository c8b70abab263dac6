import { tempFolder } from "@container-kit/config/temp-folder";
import type { ErrorResult } from "@container-kit/errors";
import { beforeEach, expect, test } from "vitest";
import { begin, openStore } from "../test/open-store.ts";
import type { SessionStore } from "./index.ts";

const failure: ErrorResult = {
  code: "AUTH_FAILED",
  category: "registry",
  message: "the registry refused the password",
  retryable: false,
  remedy: "Sign in.",
  stage: "upload",
  details: { registry: "localhost:5000" },
};

let folder: string;
let store: SessionStore;
let sessionId: string;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1);
  folder = tempFolder();
  ({ store } = await openStore(folder, { clock: () => now }));
  sessionId = (await store.openSession()).id;
});

test("executions are kept in order with input, outcome, attempts and duration", async () => {
  const completed = await begin(store, sessionId);
  now += 120;
  await store.endExecution(completed.id, { status: "completed", result: { digest: "sha256:1" }, attempts: 3 });
  const failed = await begin(store, sessionId);
  now += 30;
  await store.endExecution(failed.id, { status: "failed", error: failure, causes: ["401", "no password"] });
  const cancelled = await begin(store, sessionId);
  await store.endExecution(cancelled.id, { status: "cancelled", error: { ...failure, code: "CANCELLED" } });
  const running = await store.startExecution({
    sessionId,
    tool: "push_image",
    correlationId: "cor_1",
    parent: cancelled.id,
    dryRun: false,
    input: null,
    job: false,
  });
  const common = { sessionId, jobId: null, tool: "push_image", correlationId: "cor_1", parent: null, attempts: 1 };
  const open = { result: null, error: null };
  const { executions, errors } = await store.getSession(sessionId);
  expect(executions).toEqual([
    {
      ...common,
      ...open,
      id: completed.id,
      startedAt: completed.startedAt,
      dryRun: true,
      input: { image: "a:1" },
      attempts: 3,
      status: "completed",
      result: { digest: "sha256:1" },
      endedAt: now - 30,
      durationMs: 120,
    },
    expect.objectContaining({
      ...common,
      id: failed.id,
      status: "failed",
      error: failure,
      endedAt: now,
      durationMs: 30,
    }),
    expect.objectContaining({
      id: cancelled.id,
      status: "cancelled",
      error: { ...failure, code: "CANCELLED" },
      durationMs: 0,
    }),
    {
      ...common,
      ...open,
      id: running.id,
      startedAt: now,
      dryRun: false,
      input: null,
      parent: cancelled.id,
      status: "running",
      endedAt: null,
      durationMs: null,
    },
  ]);
  expect(errors).toEqual([
    {
      executionId: failed.id,
      sessionId,
      jobId: null,
      tool: "push_image",
      code: "AUTH_FAILED",
      category: "registry",
      stage: "upload",
      message: failure.message,
      retryable: false,
      causes: ["401", "no password"],
      details: { registry: "localhost:5000" },
      at: now,
    },
    expect.objectContaining({ executionId: cancelled.id, code: "CANCELLED", causes: [] }),
  ]);
});

test("the first end of an execution stays, whoever tells another", async () => {
  const { id } = await begin(store, sessionId);
  await store.endExecution(id, { status: "completed", result: 1 });
  await store.history();
  const { store: other } = await openStore(folder, { clock: () => now });
  for (const each of [store, other]) await each.endExecution(id, { status: "failed", error: failure });
  for (const each of [store, other]) {
    expect(await each.history({ sessionId })).toMatchObject([{ status: "completed", result: 1, error: null }]);
    expect(await each.errors()).toEqual([]);
    expect(await each.statistics()).toMatchObject({ count: 1, completed: 1, failed: 0 });
  }
});

test("an end of what has no id of an execution is a mistake of ours and said so", async () => {
  const end = { status: "completed", result: null } as const;
  await expect(store.endExecution("no id", end)).rejects.toThrow(TypeError);
  await store.endExecution("exe_1", end);
  expect(await store.history()).toEqual([]);
});

test("an input, a result and an error that are too long are replaced by what says so", async () => {
  const long = "x".repeat(300_000);
  const input = { sessionId, tool: "t", correlationId: "c", dryRun: false, input: long, job: false };
  const { id } = await store.startExecution(input);
  await store.endExecution(id, { status: "completed", result: { long } });
  const failed = await begin(store, sessionId);
  await store.endExecution(failed.id, { status: "failed", error: { ...failure, logTail: long } });
  expect((await store.getSession(sessionId)).executions).toMatchObject([
    { input: { omitted: /longer/ as unknown, characters: 300_002 }, result: { omitted: /longer/ as unknown } },
    { error: { code: "AUTH_FAILED", details: { omitted: /longer/ as unknown } } },
  ]);
});

test("what cannot be JSON, and texts of any characters, are kept as well as can be", async () => {
  const input = { text: "\u2028 \u0000 \ud800 \n ü", big: 1n };
  const { id } = await store.startExecution({
    sessionId,
    tool: "t\n",
    correlationId: "c",
    dryRun: false,
    input,
    job: false,
  });
  await store.endExecution(id, { status: "completed", result: { text: input.text } });
  expect(await store.history()).toMatchObject([
    { tool: "t\n", input: { omitted: "not JSON" }, result: { text: input.text } },
  ]);
});

test("history is read newest first, by session, tool and status, page by page", async () => {
  const ids: string[] = [];
  for (let index = 0; index < 6; index += 1) {
    const { id } = await begin(store, sessionId, { tool: index % 2 === 0 ? "even" : "odd" });
    ids.unshift(id);
    if (index < 4) await store.endExecution(id, { status: "completed", result: null });
    else if (index === 4) await store.endExecution(id, { status: "failed", error: failure });
  }
  const elsewhere = await begin(store, (await store.openSession()).id, { tool: "even" });
  const idsOf = async (query: Parameters<SessionStore["history"]>[0]): Promise<readonly string[]> =>
    (await store.history(query)).map(({ id }) => id);
  expect(await idsOf({})).toEqual([elsewhere.id, ...ids]);
  expect(await idsOf({ sessionId, limit: 2 })).toEqual(ids.slice(0, 2));
  expect(await idsOf({ sessionId, limit: 2, before: ids[1] ?? "" })).toEqual(ids.slice(2, 4));
  expect(await idsOf({ tool: "odd" })).toEqual([ids[0], ids[2], ids[4]]);
  expect(await idsOf({ status: "failed" })).toEqual([ids[1]]);
  expect(await idsOf({ status: "running" })).toEqual([elsewhere.id, ids[0]]);
  expect(await idsOf({ status: "completed", tool: "odd", sessionId })).toEqual([ids[2], ids[4]]);
  expect(await store.errors({ tool: "even" })).toHaveLength(1);
  expect(await store.errors({ tool: "odd" })).toEqual([]);
  const { executions, omitted } = await store.getSession(sessionId, { executions: 2 });
  expect([executions.map(({ id }) => id), omitted]).toEqual([[ids[1], ids[0]], 4]);
  expect(await store.getSession(sessionId, { executions: 0 })).toMatchObject({ executions: [], omitted: 6 });
  for (const query of [{ limit: 0 }, { before: "'" }]) {
    await expect(store.history(query)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  }
});

test("two stores of one file make different executions in the same instant", async () => {
  const { store: other } = await openStore(folder, { clock: () => now });
  const started = await Promise.all(
    Array.from({ length: 200 }, (_, index) => begin(index % 2 === 0 ? store : other, sessionId)),
  );
  expect(new Set(started.map(({ id }) => id)).size).toBe(200);
  expect(await other.history({ sessionId, limit: 1000 })).toHaveLength(200);
});
