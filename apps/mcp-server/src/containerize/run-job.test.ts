import { expect, test } from "vitest";
import type { ToolCall, ToolOutcome } from "@container-kit/atomic-runtime";
import { describeJob, describePlan, describeStage } from "./describe.ts";
import { runJob } from "./run-job.ts";
import type { JobOptions, StageReport } from "./types.ts";

const SESSION = "ses_1";
const OPTIONS: JobOptions = { path: "/src/app", image: undefined, push: undefined, scan: true, dryRun: false };

/** What each tool answers when all goes well. */
const ANSWERS: Readonly<Record<string, Record<string, unknown>>> = {
  analyze_repository: {
    modules: [
      {
        path: ".",
        name: "@acme/api",
        version: "1.2.0",
        platform: "node",
        framework: "express",
        packageManager: "npm",
        ports: [{ port: 3000 }],
        healthPath: "/health",
      },
    ],
    warnings: [{ code: "LOCKFILE_MISSING", message: "no lockfile" }],
  },
  generate_dockerfile: { strategy: { name: "node-template" }, dockerfile: { path: "Dockerfile" }, score: 96 },
  build_image: {
    imageId: "sha256:1",
    tags: ["x"],
    size: 132_000_000,
    layers: 9,
    steps: [{ cached: true }, { cached: false }],
    warnings: ["w"],
    baseImages: [
      { named: "node:20-slim", used: "standin/node:20-slim" },
      { named: "a", used: "a" },
    ],
  },
  probe_image: {
    answered: true,
    status: 200,
    url: "http://127.0.0.1:1/",
    durationMs: 1234,
    problem: null,
    user: "node",
  },
  inspect_image: { imageId: "sha256:2", size: 131_000_000, layers: ["a", "b"], config: { user: "node" } },
  tag_image: { imageId: "sha256:2", target: "r:5000/app:1", replaced: null },
  push_image: {
    image: "r:5000/app:1",
    digest: "sha256:d",
    verified: true,
    bytes: 1000,
    layers: { total: 2, existing: 1 },
  },
};

function createFakeRuntime(changes: Readonly<Record<string, Partial<ToolOutcome>>> = {}) {
  const calls: ToolCall[] = [];
  const execute = async (call: ToolCall): Promise<ToolOutcome> => {
    calls.push(call);
    call.onProgress?.({ message: "moving" });
    const base = {
      tool: call.tool,
      sessionId: SESSION,
      executionId: `exe_${call.tool}`,
      correlationId: "c",
      durationMs: 1,
    };
    const next =
      call.tool === "generate_dockerfile"
        ? [{ tool: "build_image", reason: "r", arguments: { context: "/src/app", dockerfile: "docker/Dockerfile" } }]
        : [];
    const good = { ok: true as const, ...base, dryRun: false, result: ANSWERS[call.tool] ?? {}, next };
    return { ...good, ...changes[call.tool] } as ToolOutcome;
  };
  return { calls, runtime: { execute } };
}

function start(options: Partial<JobOptions>, fake = createFakeRuntime()) {
  const events: string[] = [];
  const report = runJob(
    { ...OPTIONS, ...options },
    {
      runtime: fake.runtime,
      store: "/state/state.db",
      signal: new AbortController().signal,
      watcher: {
        begin: (stage) => events.push(`begin ${stage}`),
        progress: (stage) => events.push(`progress ${stage}`),
        end: ({ stage, status }) => events.push(`${status} ${stage}`),
      },
      now: () => 0,
    },
  );
  return { report, events, calls: fake.calls };
}

const statuses = (stages: readonly StageReport[]): string[] => stages.map(({ stage, status }) => `${stage} ${status}`);
const failure = (code: string): Partial<ToolOutcome> => ({
  ok: false,
  error: {
    code,
    category: "build",
    message: "npm ci ended with 1",
    retryable: false,
    remedy: "Look.",
    logTail: "npm ERR!",
  },
});

test("the whole job runs in one session and reports what was read back", async () => {
  const { report, calls, events } = start({ push: "r:5000/app:1" });
  expect(await report).toMatchObject({
    ok: true,
    image: "acme-api:1.2.0",
    imageId: "sha256:2",
    digest: "sha256:d",
    size: 131_000_000,
    layers: 2,
    sessionId: SESSION,
    record: { store: "/state/state.db", show: `container-kit sessions show ${SESSION}` },
    warnings: ["no lockfile", "w"],
  });
  expect(statuses((await report).stages)).toEqual([
    "analyze done",
    "dockerfile done",
    "build done",
    "probe done",
    "inspect done",
    "scan absent",
    "tag done",
    "push done",
  ]);
  expect(calls.map(({ tool, input }) => [tool, input])).toEqual([
    ["analyze_repository", { path: "/src/app" }],
    ["generate_dockerfile", { path: "/src/app", write: true, sessionId: SESSION }],
    [
      "build_image",
      { context: "/src/app", dockerfile: "docker/Dockerfile", tags: ["acme-api:1.2.0"], sessionId: SESSION },
    ],
    ["probe_image", { image: "acme-api:1.2.0", port: 3000, path: "/health", sessionId: SESSION }],
    ["inspect_image", { image: "acme-api:1.2.0", sessionId: SESSION }],
    ["tag_image", { source: "acme-api:1.2.0", target: "r:5000/app:1", force: true, sessionId: SESSION }],
    ["push_image", { image: "r:5000/app:1", sessionId: SESSION }],
  ]);
  expect(events.slice(0, 4)).toEqual(["begin analyze", "progress analyze", "done analyze", "begin dockerfile"]);
});

test("without --push nothing is pushed, and a scan is never shown as done", async () => {
  const { report } = start({ scan: false });
  expect(statuses((await report).stages).slice(-3)).toEqual(["scan skipped", "tag skipped", "push skipped"]);
  expect((await report).digest).toBeNull();
});

test("an image that is pushed under its own name is not tagged again", async () => {
  const { report } = start({ image: "r:5000/app:1", push: "r:5000/app:1" });
  expect(statuses((await report).stages).slice(-2)).toEqual(["tag skipped", "push done"]);
});

test("the first failure ends the job, and says which stages were not reached", async () => {
  const { report, calls } = start(
    { push: "r:5000/app:1" },
    createFakeRuntime({ build_image: failure("BUILD_FAILED") }),
  );
  const { ok, error, stages, sessionId } = await report;
  expect([ok, error?.code, error?.logTail, sessionId]).toEqual([false, "BUILD_FAILED", "npm ERR!", SESSION]);
  expect(statuses(stages)).toEqual([
    "analyze done",
    "dockerfile done",
    "build failed",
    "probe skipped",
    "inspect skipped",
    "scan skipped",
    "tag skipped",
    "push skipped",
  ]);
  expect(stages[2]).toMatchObject({ executionId: "exe_build_image" });
  expect(stages.slice(3).every(({ reason }) => reason === "not reached")).toBe(true);
  expect(calls).toHaveLength(3);
});

test("a dry run analyses, proposes the Dockerfile and changes nothing", async () => {
  const { report, calls } = start({ dryRun: true, push: "r:5000/app:1" });
  await report;
  expect(calls.map(({ tool }) => tool)).toEqual(["analyze_repository", "generate_dockerfile"]);
  expect(calls[1]?.input).toMatchObject({ dryRun: true });
  expect(await report).toMatchObject({ ok: true, dryRun: true, image: "acme-api:1.2.0", imageId: null });
});

test("an image without a known port is not asked", async () => {
  const module = { path: ".", platform: "node", ports: [] };
  const fake = createFakeRuntime({ analyze_repository: { result: { modules: [module], warnings: [] } } as never });
  const { report } = start({}, fake);
  expect((await report).stages[3]).toMatchObject({ stage: "probe", status: "skipped" });
  expect((await report).image).toBe("app:latest");
});

test("an image that does not answer is told as a warning", async () => {
  const silent = { answered: false, status: null, problem: "it ended with status 1", user: "", durationMs: 1 };
  const { report } = start({}, createFakeRuntime({ probe_image: { result: silent } as never }));
  expect(await report).toMatchObject({ ok: true });
  expect((await report).warnings.at(-1)).toBe("The image did not answer when it ran alone: it ended with status 1.");
});

test("further modules of a repository are named, not silently left out", async () => {
  const modules = [{ path: "api", ports: [] }, { path: "web" }, { path: "worker" }];
  const fake = createFakeRuntime({ analyze_repository: { result: { modules, warnings: [] } } as never });
  const { report, calls } = start({}, fake);
  expect((await report).warnings[0]).toBe("Only api is taken; there is also web, worker.");
  expect(calls[1]?.input).toMatchObject({ module: "api" });
});

test("what a person reads holds the plan, each stage and what came of it", async () => {
  expect(describePlan({ ...OPTIONS, scan: false })).toContain("scan        – not wanted (--no-scan)");
  const report = await start({ push: "r:5000/app:1" }).report;
  expect(report.stages.map(describeStage)[0]).toBe("✓ analyze          0 ms  node, express, npm, port 3000");
  const text = describeJob(report);
  expect(text).toContain("digest    sha256:d (read back from the registry)");
  expect(text).toContain("record    container-kit sessions show ses_1");
  expect(text).toContain("warning: w");
});
