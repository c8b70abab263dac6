/** The tools that read the record, on a real one. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createContextStore, createEventBus } from "@container-kit/context-sharing";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import { afterEach, beforeEach, expect, test } from "vitest";
import { contextTypes } from "../src/index.ts";
import type { ToolServices } from "../src/index.ts";
import { contextOf, toolOn } from "./scripted-context.ts";

let folder: string;
let storage: Storage;
let sessions: SessionStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "session-tools-"));
  storage = await openStorage(`sqlite:${folder}/state.db`);
  sessions = createSessionStore(storage);
});

afterEach(async () => {
  await storage.close();
  await rm(folder, { recursive: true, force: true });
});

const ERROR = { code: "BUILD_FAILED", category: "build", message: "no", retryable: false, remedy: "Mend it." } as const;

async function execute(sessionId: string, tool: string, job = false) {
  return sessions.startExecution({ sessionId, tool, correlationId: "c", dryRun: false, input: {}, job });
}

async function call(
  name: string,
  input: Record<string, unknown>,
  sessionId = "s",
  services: Pick<ToolServices, "context" | "events"> = {},
) {
  const tool = toolOn(name, { sessions, ...services });
  const read = tool.input.parse(input);
  const result = tool.output.parse(await tool.run(read, contextOf(name, { sessionId })));
  // oxlint-disable-next-line typescript/no-explicit-any -- a test reads whatever the tool returns
  return { result: result as any, text: tool.summarize?.(result, read) ?? "", next: tool.next?.(result, read) ?? [] };
}

test("a session is told with its labels, executions, errors and how they did", async () => {
  const { id } = await sessions.openSession({ labels: { team: "a" }, metadata: { client: "test" } });
  const first = await execute(id, "build_image");
  await sessions.endExecution(first.id, { status: "failed", error: ERROR });
  const second = await execute(id, "build_image");
  await sessions.endExecution(second.id, { status: "completed", result: {} });
  const { result, text } = await call("get_session", {}, id);
  expect(result).toMatchObject({
    sessionId: id,
    labels: { team: "a" },
    metadata: { client: "test" },
    executions: [
      { executionId: first.id, status: "failed", code: "BUILD_FAILED" },
      { executionId: second.id, status: "completed", code: null },
    ],
    errors: [{ executionId: first.id, code: "BUILD_FAILED" }],
    metrics: { executions: 2, failures: 1, successRate: 0.5, p95: expect.any(Number) },
    omitted: 0,
  });
  expect(text).toContain("50% completed");
  expect(text).toContain("known: nothing");
});

test("a session tells what is known in it, who left it and who took it, and nothing of another's", async () => {
  const events = createEventBus(storage);
  const context = createContextStore(storage, { types: contextTypes, events });
  const { id } = await sessions.openSession();
  const { id: other } = await sessions.openSession();
  const built = await execute(id, "build_image");
  await sessions.endExecution(built.id, { status: "completed", result: {} });
  const pushed = await execute(id, "push_image");
  await sessions.endExecution(pushed.id, { status: "completed", result: {} });
  const producer = { tool: "build_image", executionId: built.id };
  const entry = { type: "image", key: "app:1", value: { reference: "app:1", imageId: "sha256:1" }, producer };
  const { version } = await context.share({ sessionId: id, ...entry });
  await context.share({ sessionId: other, ...entry, key: "secret:1" });
  const named = { type: "image", key: "app:1", version, ...producer };
  const told = { sessionId: id, type: "tool.completed" };
  await events.publish({ ...told, executionId: built.id, data: { produced: [named] } });
  await events.publish({ ...told, executionId: pushed.id, data: { used: [named] } });
  const { result, text } = await call("get_session", {}, id, { context, events });
  await events.close();
  expect(result.known).toEqual([{ ...named, expiresAt: expect.stringMatching(/Z$/) }]);
  expect(result.executions).toMatchObject([
    { executionId: built.id, produced: ["image app:1 (version 1)"] },
    { executionId: pushed.id, after: [built.id] },
  ]);
  expect(text).toContain("known: image app:1 (version 1, by build_image)");
  expect(JSON.stringify(result)).not.toContain("secret:1");
});

test("sessions are listed by their labels", async () => {
  const labelled = await sessions.openSession({ labels: { team: "a" } });
  await sessions.openSession({ labels: { team: "b" } });
  const { result } = await call("list_sessions", { selector: "team=a" });
  expect(result.sessions).toMatchObject([{ sessionId: labelled.id, labels: { team: "a" } }]);
  expect((await call("list_sessions", { selector: "team=c" })).text).toBe("no sessions");
});

test("a job is told while it runs, and with its whole outcome when it has ended", async () => {
  const { id } = await sessions.openSession();
  const { lease } = await execute(id, "build_image", true);
  if (lease === null) throw new Error("expected a job");
  sessions.reportProgress(lease, { message: "step 1", current: 1, total: 3 });
  const running = await call("get_job", { jobId: lease.jobId });
  expect(running.result).toMatchObject({
    jobId: lease.jobId,
    sessionId: id,
    tool: "build_image",
    status: "running",
    result: null,
  });
  expect(running.next).toMatchObject([{ tool: "get_job", arguments: { jobId: lease.jobId } }]);
  const next = [{ tool: "push_image", reason: "send it", arguments: { image: "app:1" } }];
  await sessions.endJob(lease, { status: "completed", outcome: { ok: true, result: { imageId: "sha256:1" }, next } });
  const ended = await call("get_job", { jobId: lease.jobId });
  expect(ended.result).toMatchObject({ status: "completed", result: { imageId: "sha256:1" }, error: null });
  expect(ended.next).toEqual(next);
});

test("a job that failed tells where its failure goes, as the next step", async () => {
  const { id } = await sessions.openSession();
  const { lease } = await execute(id, "build_image", true);
  if (lease === null) throw new Error("expected a job");
  const routing = {
    rule: "r",
    action: "route",
    toTool: "analyze_repository",
    arguments: { path: "/r" },
    reason: "Look.",
  };
  const error = { ...ERROR, logTail: "boom\n" };
  await sessions.endJob(lease, { status: "failed", outcome: { ok: false, error, routing } });
  const { result, next, text } = await call("get_job", { jobId: lease.jobId });
  expect(result).toMatchObject({ error: { code: "BUILD_FAILED" }, routing });
  expect(next).toEqual([{ tool: "analyze_repository", reason: "Look.", arguments: { path: "/r" } }]);
  // The step has its own line in the answer; what is said here is what to do without it.
  expect(text).toBe(`${lease.jobId}: build_image failed\nBUILD_FAILED: no\nWhat to do: Mend it.\nLast output:\nboom`);
});

test("a job that failed tells the pause before a repetition, and that there is nothing to be done", async () => {
  const { id } = await sessions.openSession();
  const fail = async (routing: object) => {
    const { lease } = await execute(id, "build_image", true);
    if (lease === null) throw new Error("expected a job");
    await sessions.endJob(lease, { status: "failed", outcome: { ok: false, error: ERROR, routing } });
    return call("get_job", { jobId: lease.jobId });
  };
  const retry = { rule: "r", action: "retry", toTool: "build_image", arguments: {}, reason: "Again.", afterMs: 4_200 };
  const given = { rule: "r", action: "fail", reason: "Ask the platform team." };
  expect((await fail(retry)).next).toEqual([{ tool: "build_image", reason: "Again. (after 5 s)", arguments: {} }]);
  expect((await fail(given)).text).toContain("Routing: fail – Ask the platform team.");
});

test("a result that is too large for an answer is left to the job's resource", async () => {
  const { id } = await sessions.openSession();
  const { lease } = await execute(id, "build_image", true);
  if (lease === null) throw new Error("expected a job");
  await sessions.endJob(lease, { status: "completed", outcome: { ok: true, result: { text: "x".repeat(1_000_000) } } });
  expect((await call("get_job", { jobId: lease.jobId })).result.result).toEqual({ resource: `job://${lease.jobId}` });
});

test("a job that is asked to stop says so, a dry run asks nothing, and one that has ended stays as it is", async () => {
  const { id } = await sessions.openSession();
  const { lease } = await execute(id, "build_image", true);
  if (lease === null) throw new Error("expected a job");
  const tool = toolOn("cancel_job", { sessions });
  expect(await tool.run({ jobId: lease.jobId }, contextOf("cancel_job", { dryRun: true }))).toMatchObject({
    cancelRequested: false,
    would: ["stop build_image"],
  });
  expect((await call("cancel_job", { jobId: lease.jobId })).result).toMatchObject({
    status: "running",
    cancelRequested: true,
  });
  expect(await sessions.renewJob(lease)).toEqual({ cancelRequested: true });
  await sessions.endJob(lease, { status: "failed", outcome: { ok: false, error: ERROR } });
  expect((await call("cancel_job", { jobId: lease.jobId })).result.status).toBe("failed");
  expect((await call("get_job", { jobId: lease.jobId })).result).toMatchObject({
    status: "failed",
    error: { code: "BUILD_FAILED" },
  });
  await expect(call("cancel_job", { jobId: "job_none" })).rejects.toMatchObject({ code: "JOB_NOT_FOUND" });
});
