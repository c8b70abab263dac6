import { afterEach, beforeEach, expect, test } from "vitest";
import { openRecord } from "../../test/open-record.ts";
import { createResources } from "./resources.ts";

let record: Awaited<ReturnType<typeof openRecord>>;

beforeEach(async () => {
  record = await openRecord();
});

afterEach(() => record.close());

const error = { code: "BUILD_FAILED", category: "build", message: "step 3", retryable: false, remedy: "r" } as const;

async function read(uri: string): Promise<Record<string, unknown>> {
  const { contents } = await createResources(record.sessions, record.events).read(uri);
  return JSON.parse((contents[0] as { text: string }).text) as Record<string, unknown>;
}

test("what happened in a session is one time line, with the errors where they happened", async () => {
  const { id } = await record.sessions.openSession();
  const start = { sessionId: id, tool: "build_image", correlationId: "c", dryRun: false, input: {}, job: false };
  const first = await record.sessions.startExecution(start);
  await record.sessions.endExecution(first.id, { status: "failed", error });
  const second = await record.sessions.startExecution(start);
  const { events, omitted } = (await read(`session://${id}/events`)) as {
    events: Record<string, unknown>[];
    omitted: number;
  };
  expect(omitted).toBe(0);
  const ofFirst = events.filter(({ executionId }) => executionId === first.id);
  expect(ofFirst).toMatchObject([
    { event: "began", tool: "build_image" },
    { event: "error", code: "BUILD_FAILED", message: "step 3" },
    { event: "ended", status: "failed" },
  ]);
  expect(events.filter(({ executionId }) => executionId === second.id)).toMatchObject([{ event: "began" }]);
  const times = events.map(({ at }) => at as string);
  expect(times).toEqual(times.toSorted());
});

test("what was left and decided stands in the same line, and the end of an execution is told once", async () => {
  const { id } = await record.sessions.openSession();
  const start = { sessionId: id, tool: "build_image", correlationId: "c", dryRun: false, input: {}, job: false };
  const first = await record.sessions.startExecution(start);
  await record.sessions.endExecution(first.id, { status: "failed", error });
  const told = { sessionId: id, correlationId: "c", executionId: first.id };
  await record.events.publish({ ...told, type: "tool.failed", data: { tool: "build_image" } });
  await record.events.publish({ ...told, type: "routing.decided", data: { rule: "r", action: "fail", reason: "x" } });
  await record.events.publish({ type: "context.shared", sessionId: null, data: {} });
  const { events } = (await read(`session://${id}/events`)) as { events: { event: string }[] };
  expect(events.map(({ event }) => event)).toEqual(["began", "error", "ended", "routing.decided"]);
  expect(events.at(-1)).toMatchObject({ rule: "r", executionId: first.id });
});

test("a job is read while it runs and when it has ended", async () => {
  const { id } = await record.sessions.openSession();
  const start = { sessionId: id, tool: "build_image", correlationId: "c", dryRun: false, input: {}, job: true };
  const { lease } = await record.sessions.startExecution(start);
  if (lease === null) throw new Error("expected a job");
  expect(await read(`job://${lease.jobId}`)).toMatchObject({ id: lease.jobId, status: "running", outcome: null });
  await record.sessions.endJob(lease, { status: "failed", outcome: { ok: false, error } });
  expect(await read(`job://${lease.jobId}`)).toMatchObject({ status: "failed", outcome: { error } });
});

test.each(["job://nope", "session://nope/events", "session://nope/log", "job://nope/events", "job://a/b"])(
  "%s is no resource",
  async (uri) => {
    await expect(read(uri)).rejects.toMatchObject({
      code: -32002,
      message: `There is no resource ${uri}`,
      data: { uri },
    });
  },
);
