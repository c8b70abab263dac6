import { tempFolder } from "@container-kit/config/temp-folder";
import { isKitError } from "@container-kit/errors";
import * as fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { begin, openStore } from "../test/open-store.ts";
import type { Job, JobLease, JobStatus, SessionStore } from "./index.ts";

const LEASE_MS = 30_000;

let now: number;
let folder: string;
let store: SessionStore;
let other: SessionStore;
let sessionId: string;

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1);
  folder = tempFolder();
  await reset();
});

async function reset(): Promise<void> {
  const options = { clock: () => now, jobLeaseMs: LEASE_MS };
  ({ store } = await openStore(folder, options));
  ({ store: other } = await openStore(folder, options));
  sessionId = (await store.openSession()).id;
}

function queue(tool = "build_image"): Promise<Job> {
  return store.queueJob({ sessionId, tool, work: { n: 1 } });
}

async function claim(by = store): Promise<JobLease> {
  const claimed = await by.claimJob();
  if (claimed === undefined) throw new Error("there is no job to claim");
  return claimed.lease;
}

test("a job that begins with its execution runs at once and ends with an outcome", async () => {
  const { id: executionId, lease, startedAt } = await begin(store, sessionId, { job: true });
  const jobId = lease?.jobId ?? "";
  expect(await store.getJob(jobId)).toEqual({
    id: jobId,
    sessionId,
    executionId,
    tool: "push_image",
    status: "running",
    progress: null,
    createdAt: startedAt,
    startedAt,
    endedAt: null,
    heartbeatAt: startedAt,
    cancelRequested: false,
    outcome: null,
  });
  now += 5;
  await store.endJob(lease ?? { jobId, fence: 0 }, {
    status: "failed",
    outcome: { ok: false, long: "x".repeat(300_000) },
  });
  expect(await other.getJob(jobId)).toMatchObject({ status: "failed", endedAt: now, outcome: { ok: false } });
  expect((await store.getSession(sessionId)).executions).toMatchObject([{ id: executionId, jobId }]);
});

test("an execution that runs already is given a job", async () => {
  const { id } = await begin(store, sessionId, { tool: "scan_image" });
  const { jobId } = await store.adoptJob(id, { sessionId, tool: "scan_image" });
  expect(await store.getJob(jobId)).toMatchObject({ executionId: id, status: "running", tool: "scan_image" });
  expect(await store.history()).toMatchObject([{ id, jobId }]);
});

test("queued jobs are given out oldest first, by tool, each once", async () => {
  const [first, second, third] = [await queue(), await queue("push_image"), await queue()];
  expect(await store.getJob(first.id)).toMatchObject({ status: "pending", startedAt: null, heartbeatAt: null });
  expect(await other.claimJob({ tools: ["push_image"] })).toMatchObject({
    id: second.id,
    work: { n: 1 },
    status: "running",
  });
  expect((await claim()).jobId).toBe(first.id);
  expect((await claim(other)).jobId).toBe(third.id);
  expect(await store.claimJob()).toBeUndefined();
  expect(await store.claimJob({ tools: [] })).toBeUndefined();
});

test("an execution that runs a claimed job is the job's, and none begins for one that was taken away", async () => {
  const { id } = await queue();
  const lease = await claim();
  const start = { sessionId, tool: "build_image", correlationId: "c", dryRun: false, input: {}, job: false, lease };
  const started = await store.startExecution(start);
  expect(started.lease).toEqual(lease);
  expect(await store.getJob(id)).toMatchObject({ executionId: started.id, status: "running" });
  expect(await store.history({ sessionId })).toMatchObject([{ id: started.id, jobId: id, status: "running" }]);
  const stale = { ...lease, fence: lease.fence - 1 };
  await expect(store.startExecution({ ...start, lease: stale })).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await store.getJob(id)).toMatchObject({ executionId: started.id });
  expect(await store.history({ status: "running" })).toHaveLength(1);
});

test("progress keeps the highest number, and nothing after the end", async () => {
  await queue();
  const lease = await claim();
  const told = async (): Promise<unknown> => (await store.getJob(lease.jobId)).progress;
  store.reportProgress(lease, { message: "half", current: 2, total: 4 });
  expect(await told()).toEqual({ message: "half", current: 2, total: 4 });
  store.reportProgress(lease, { message: "again", current: 1, total: null });
  expect(await told()).toEqual({ message: "again", current: 2, total: 4 });
  store.reportProgress(lease, { message: "odd", current: Number.NaN, total: Infinity });
  expect(await told()).toEqual({ message: "odd", current: 2, total: 4 });
  store.reportProgress({ ...lease, fence: 9 }, { message: "not the owner", current: 3, total: 4 });
  await store.endJob(lease, { status: "completed", outcome: null });
  store.reportProgress(lease, { message: "too late", current: 4, total: 4 });
  expect(await told()).toEqual({ message: "odd", current: 2, total: 4 });
});

test("cancelling ends a pending job, and asks the owner of a running one", async () => {
  const pending = await queue();
  expect(await other.requestCancel(pending.id)).toMatchObject({ status: "cancelled", endedAt: now, outcome: null });
  await queue();
  const lease = await claim();
  expect(await store.cancelRequests()).toEqual([]);
  expect(await other.requestCancel(lease.jobId)).toMatchObject({ status: "running", cancelRequested: true });
  expect(await store.cancelRequests()).toEqual([lease.jobId]);
  expect(await other.cancelRequests()).toEqual([]);
  expect(await store.renewJob(lease)).toEqual({ cancelRequested: true });
  await store.endJob(lease, { status: "cancelled", outcome: null });
  expect(await other.requestCancel(lease.jobId)).toMatchObject({ status: "cancelled" });
  expect(await store.cancelRequests()).toEqual([]);
});

test("a job whose owner lives and is silent for a lease is interrupted; its late owner is refused", async () => {
  await queue();
  const lease = await claim();
  expect(await other.getJob(lease.jobId)).toMatchObject({ status: "running" });
  now += LEASE_MS - 1;
  expect(await other.getJob(lease.jobId)).toMatchObject({ status: "running" });
  await store.renewJob(lease);
  now += LEASE_MS - 1;
  expect(await other.getJob(lease.jobId)).toMatchObject({ status: "running" });
  now += LEASE_MS;
  expect(await store.getJob(lease.jobId)).toMatchObject({ status: "running" });
  expect(await other.listJobs({ active: true })).toEqual([]);
  expect(await store.getJob(lease.jobId)).toMatchObject({ status: "interrupted", endedAt: null, outcome: null });
  const refusal = { code: "CONFLICT", details: { jobId: lease.jobId, status: "interrupted" } };
  await expect(store.renewJob(lease)).rejects.toMatchObject(refusal);
  await expect(store.endJob(lease, { status: "completed", outcome: 1 })).rejects.toMatchObject(refusal);
  expect(await store.getJob(lease.jobId)).toMatchObject({ status: "interrupted", outcome: null });
});

test("a wall clock that jumps neither takes a job nor keeps one", async () => {
  let elapsed = 0;
  const clocks = { clock: () => now, monotonicClock: () => elapsed, jobLeaseMs: LEASE_MS };
  const { store: observer } = await openStore(folder, clocks);
  await queue();
  const { jobId } = await claim();
  expect(await observer.getJob(jobId)).toMatchObject({ status: "running" });
  for (const jump of [30 * 86_400_000, -60 * 86_400_000]) {
    now += jump;
    expect(await observer.getJob(jobId)).toMatchObject({ status: "running" });
  }
  elapsed += LEASE_MS;
  expect(await observer.getJob(jobId)).toMatchObject({ status: "interrupted" });
});

test("jobs are listed newest first, by session, and those that are active alone", async () => {
  const [first, second] = [await queue(), await queue()];
  const elsewhere = await store.openSession();
  const third = await store.queueJob({ sessionId: elsewhere.id, tool: "t", work: null });
  const idsOf = (jobs: readonly Job[]): readonly string[] => jobs.map(({ id }) => id);
  expect(idsOf(await store.listJobs())).toEqual([third.id, second.id, first.id]);
  expect(idsOf(await store.listJobs({ limit: 1 }))).toEqual([third.id]);
  await store.requestCancel(second.id);
  expect(idsOf(await store.listJobs({ sessionId, active: true }))).toEqual([first.id]);
});

test("a job of no session is refused, and so is a job that is not there", async () => {
  const missing = { code: "SESSION_NOT_FOUND" };
  await expect(store.queueJob({ sessionId: "ses_0", tool: "t", work: null })).rejects.toMatchObject(missing);
  await expect(begin(store, "ses_0", { job: true })).rejects.toMatchObject(missing);
  expect(await store.history()).toMatchObject([{ status: "failed", error: { code: "SESSION_NOT_FOUND" } }]);
  for (const ask of [store.getJob, store.requestCancel, store.jobFolder]) {
    await expect(ask("../../outside")).rejects.toMatchObject({ code: "JOB_NOT_FOUND" });
  }
  await expect(store.renewJob({ jobId: "job_0", fence: 1 })).rejects.toMatchObject({ code: "CONFLICT" });
});

/** What a job is, in the plainest words. */
interface Model {
  status: JobStatus;
  fence: number;
  cancelRequested: boolean;
  leases: JobLease[];
}

type Step =
  | { readonly do: "queue" | "lapse" }
  | { readonly do: "claim" | "cancel"; readonly job: number; readonly by: boolean }
  | { readonly do: "renew" | "end" | "report"; readonly job: number; readonly lease: number };

const some = fc.nat({ max: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("queue" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("lapse" as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom("claim" as const, "cancel" as const), job: some, by: fc.boolean() }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("renew" as const, "end" as const, "report" as const),
      job: some,
      lease: some,
    }),
  },
);

test("whatever is done in whatever order by two owners, jobs stand as the model says", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      folder = tempFolder();
      await reset();
      const { store: observer } = await openStore(folder, { clock: () => now, jobLeaseMs: LEASE_MS });
      const jobs = new Map<string, Model>();
      for (const each of steps) await take(each, jobs, observer);
      for (const [id, { status, cancelRequested }] of jobs) {
        expect(await observer.getJob(id)).toMatchObject({ status, cancelRequested });
      }
    }),
    { numRuns: 25 },
  );
});

async function take(each: Step, jobs: Map<string, Model>, observer: SessionStore): Promise<void> {
  if (each.do === "queue") {
    jobs.set((await queue()).id, { status: "pending", fence: 0, cancelRequested: false, leases: [] });
    return;
  }
  if (each.do === "lapse") {
    await observer.listJobs({ active: true });
    now += LEASE_MS;
    await observer.listJobs({ active: true });
    for (const model of jobs.values())
      if (model.status === "running") Object.assign(model, { status: "interrupted", fence: model.fence + 1 });
    return;
  }
  if (each.do === "claim") return claimAs(jobs, each.by ? store : other);
  if (!("job" in each) || jobs.size === 0) return;
  const [id, model] = [...jobs][each.job % jobs.size] as [string, Model];
  if (each.do === "cancel") return cancelAs(id, model, observer);
  if ("lease" in each) return useLease(each.do, id, model, model.leases[each.lease % Math.max(1, model.leases.length)]);
}

async function claimAs(jobs: Map<string, Model>, by: SessionStore): Promise<void> {
  const oldest = [...jobs].find(([, { status }]) => status === "pending");
  const claimed = await by.claimJob();
  expect(claimed?.id).toBe(oldest?.[0]);
  if (oldest === undefined || claimed === undefined) return;
  expect(claimed.lease.fence).toBeGreaterThan(oldest[1].fence);
  Object.assign(oldest[1], { status: "running", fence: claimed.lease.fence });
  oldest[1].leases.push(claimed.lease, { ...claimed.lease, fence: claimed.lease.fence - 1 });
}

async function cancelAs(id: string, model: Model, observer: SessionStore): Promise<void> {
  await observer.requestCancel(id);
  if (model.status === "pending") Object.assign(model, { status: "cancelled", cancelRequested: true });
  else if (model.status === "running") model.cancelRequested = true;
}

async function useLease(
  what: "renew" | "end" | "report",
  id: string,
  model: Model,
  lease = { jobId: id, fence: 1 },
): Promise<void> {
  if (what === "report") return store.reportProgress(lease, { message: "on", current: 1, total: 2 });
  const isHeld = model.status === "running" && model.fence === lease.fence;
  const done = what === "renew" ? store.renewJob(lease) : store.endJob(lease, { status: "completed", outcome: null });
  const refused = await done.then(
    () => false,
    (error: unknown) => isKitError(error, "CONFLICT"),
  );
  expect(refused).toBe(!isHeld);
  if (isHeld && what === "end") model.status = "completed";
}
