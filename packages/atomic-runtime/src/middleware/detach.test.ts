import { defineErrors } from "@container-kit/errors";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aborted, expectNoTimers, rig, running, tool } from "../../test/rig.ts";
import type { ToolContext } from "../index.ts";

const fail = defineErrors({
  CONFLICT: { category: "input", summary: "x", remedy: "y", retryable: false, fault: "caller" },
});
const call = { tool: "copy_text", input: { text: "hello" } };

beforeEach(() =>
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"] }),
);
afterEach(() => vi.useRealTimers());

/** A tool that works for a time, or until it is stopped. */
const working = (ms: number, also: (context: ToolContext) => void = () => {}) =>
  running(async (_input, context) => {
    also(context);
    await Promise.race([new Promise((resolve) => setTimeout(resolve, ms)), aborted(context.signal)]);
    context.signal.throwIfAborted();
    return { text: "done" };
  });
const getJob = tool({ name: "get_job" });

test("with wait: false a call is answered at once with a job, whose outcome is the whole one", async () => {
  const { runtime, sessions } = rig([working(5_000), getJob]);
  const answer = await runtime.execute({ ...call, input: { ...call.input, wait: false } });
  expect(answer).toMatchObject({
    ok: true,
    jobId: "j1",
    executionId: "e1",
    result: { jobId: "j1", status: "running" },
    next: [{ tool: "get_job", arguments: { jobId: "j1", sessionId: "s1" } }],
  });
  expect(runtime.render(answer)).toMatch(/^copy_text: goes on as a job\nNext: get_job .*\njobId: j1\nsessionId: s1$/);
  expect(runtime.status().jobs).toBe(1);
  const done = runtime.jobsDone();
  await vi.advanceTimersByTimeAsync(5_000);
  await done;
  expect(sessions.endedJobs).toMatchObject([
    { jobId: "j1", status: "completed", outcome: { ok: true, jobId: "j1", result: { text: "done" } } },
  ]);
  expect(sessions.executions[0]).toMatchObject({ job: true, input: { text: "hello" }, end: { status: "completed" } });
  expect(runtime.status().jobs).toBe(0);
  expectNoTimers();
});

test("a call that lasts becomes a job after thirty seconds; its caller neither cancels it nor hears of it any more", async () => {
  const { runtime, sessions } = rig([
    working(50_000, ({ report }) => void setTimeout(() => report({ message: "far" }), 40_000)),
  ]);
  const controller = new AbortController();
  const heard: string[] = [];
  const answer = runtime.execute({
    ...call,
    signal: controller.signal,
    onProgress: ({ message }) => heard.push(message),
  });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(await answer).toMatchObject({ ok: true, jobId: "j-e1", result: { jobId: "j-e1", status: "running" } });
  const heardBefore = heard.length;
  controller.abort();
  await vi.advanceTimersByTimeAsync(20_000);
  await runtime.jobsDone();
  expect(heard).toHaveLength(heardBefore);
  expect(sessions.kept).toContainEqual({ message: "far", current: null, total: null });
  expect(sessions.endedJobs).toMatchObject([{ status: "completed", outcome: { ok: true, result: { text: "done" } } }]);
});

test.each([
  ["with wait: true", { input: { ...call.input, wait: true } }],
  ["from a door whose caller waits", { mayDetach: false }],
  ["with wait: true, whatever the door says", { mayDetach: true, input: { ...call.input, wait: true } }],
])("%s a call is waited for", async (_what, changes) => {
  const { runtime } = rig([working(50_000)]);
  const answer = runtime.execute({ ...call, ...changes });
  await vi.advanceTimersByTimeAsync(50_000);
  expect(await answer).toMatchObject({ ok: true, result: { text: "done" } });
});

test("wait: false is honoured by a door whose caller waits otherwise", async () => {
  const { runtime } = rig([working(50_000)]);
  const answer = await runtime.execute({ ...call, mayDetach: false, input: { ...call.input, wait: false } });
  expect(answer).toMatchObject({ ok: true, result: { status: "running" } });
  await vi.advanceTimersByTimeAsync(50_000);
  await runtime.jobsDone();
});

test("what would fail before the work begins is told to the caller, not to a job", async () => {
  const { runtime } = rig([working(1)]);
  const input = { text: "x", wait: false, sessionId: "nope" };
  expect(await runtime.execute({ tool: "copy_text", input })).toMatchObject({ error: { code: "SESSION_NOT_FOUND" } });
});

test("cancelJob stops a job of this process at once, and it is recorded as cancelled", async () => {
  const { runtime, sessions } = rig([working(50_000)]);
  sessions.requestCancel = (id) => Promise.resolve({ id } as never);
  await runtime.execute({ ...call, input: { ...call.input, wait: false } });
  await vi.advanceTimersByTimeAsync(10);
  await runtime.cancelJob("j1");
  await runtime.jobsDone();
  expect(sessions.endedJobs).toMatchObject([
    { status: "cancelled", outcome: { ok: false, error: { code: "CANCELLED" } } },
  ]);
});

test("a job that another process wants stopped is stopped within a quarter of a second", async () => {
  const { runtime, sessions } = rig([working(50_000)]);
  await runtime.execute({ ...call, input: { ...call.input, wait: false } });
  await vi.advanceTimersByTimeAsync(1_000);
  sessions.cancelRequests = () => Promise.resolve(["j1", "other"]);
  await vi.advanceTimersByTimeAsync(250);
  await runtime.jobsDone();
  expect(sessions.endedJobs).toMatchObject([{ status: "cancelled" }]);
});

test("a job's lease is renewed every five seconds, and a job that was taken by another process is stopped here", async () => {
  const { runtime, sessions, log } = rig([working(50_000)]);
  let renewals = 0;
  sessions.renewJob = () => {
    renewals += 1;
    if (renewals === 1) return Promise.reject(new Error("the store does not answer"));
    return renewals < 4 ? Promise.resolve({ cancelRequested: false }) : Promise.reject(fail("CONFLICT", "taken"));
  };
  sessions.endJob = () => Promise.reject(fail("CONFLICT", "taken"));
  await runtime.execute({ ...call, input: { ...call.input, wait: false } });
  await vi.advanceTimersByTimeAsync(16_000);
  expect(renewals).toBe(3);
  await vi.advanceTimersByTimeAsync(5_000);
  await runtime.jobsDone();
  expect(sessions.executions[0]?.end).toMatchObject({ status: "cancelled", error: { code: "INTERRUPTED" } });
  expect(log).toContainEqual(expect.objectContaining({ message: "a job that ended was another's by then" }));
});

test("the outcome of a job whose caller is gone is kept although the store refuses at first", async () => {
  const { runtime, sessions } = rig([working(10)]);
  const { endJob } = sessions;
  let refusals = 0;
  sessions.endJob = (...end) => {
    refusals += 1;
    return refusals < 3 ? Promise.reject(new Error("disk full")) : endJob(...end);
  };
  await runtime.execute({ ...call, input: { ...call.input, wait: false } });
  await vi.advanceTimersByTimeAsync(2_000);
  await runtime.jobsDone();
  expect(refusals).toBe(3);
  expect(sessions.endedJobs).toMatchObject([{ status: "completed" }]);
});

test("a call that the store will not make a job goes on being waited for", async () => {
  const { runtime, sessions } = rig([working(32_000)]);
  let asked = 0;
  sessions.adoptJob = () => {
    asked += 1;
    return Promise.reject(new Error("disk full"));
  };
  const answer = runtime.execute(call);
  await vi.advanceTimersByTimeAsync(32_000);
  expect(await answer).toMatchObject({ ok: true, result: { text: "done" } });
  expect(asked).toBe(1);
  expectNoTimers();
});

test("closing stops jobs too, and waits until that is recorded", async () => {
  const { runtime, sessions } = rig([working(50_000)]);
  await runtime.execute({ ...call, input: { ...call.input, wait: false } });
  await vi.advanceTimersByTimeAsync(10);
  await runtime.close();
  expect(sessions.endedJobs).toMatchObject([{ status: "cancelled", outcome: { error: { code: "INTERRUPTED" } } }]);
});
