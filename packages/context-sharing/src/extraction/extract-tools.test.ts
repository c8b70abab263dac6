import { expect, test } from "vitest";
import { extractTools } from "./extract-tools.ts";
import type { KnownExecution } from "./types.ts";

const execution = (id: string, startedAt: number, more: Partial<KnownExecution> = {}): KnownExecution => ({
  id,
  tool: "build_image",
  parent: null,
  correlationId: "cor_1",
  dryRun: false,
  input: { context: "/app" },
  status: "completed",
  result: {},
  error: null,
  startedAt,
  durationMs: 5,
  ...more,
});
const tools = [{ name: "build_image", title: "Build image", toolset: "build" }];

test("the tools that ran are told oldest first, with what, with which outcome, and what of them is loaded", () => {
  const error = { code: "NOT_FOUND", message: "there is no x" };
  const executions = [
    execution("exe_3", 30, { tool: "gone_tool", status: "failed", error, parent: "exe_2" }),
    execution("exe_2", 20),
    execution("exe_1", 20),
  ];
  const extracted = extractTools({ tools, executions });
  expect(extracted.map(({ executionId }) => executionId)).toEqual(["exe_1", "exe_2", "exe_3"]);
  expect(extracted[0]).toMatchObject({
    tool: "build_image",
    title: "Build image",
    toolset: "build",
    input: { context: "/app" },
    status: "completed",
    result: {},
    code: null,
    produced: [],
    after: [],
  });
  expect(extracted[2]).toMatchObject({ title: null, toolset: null, code: "NOT_FOUND", parent: "exe_2" });
  expect(extractTools({ tools, executions: executions.toReversed() })).toEqual(extracted);
  expect(extractTools({ tools, executions: [] })).toEqual([]);
  expect(extractTools({ executions })[0]).toMatchObject({ tool: "build_image", title: null });
});

test("what an execution left and whose entries it took is read of its event; what is no such event is passed over", () => {
  const entry = { type: "image", key: "a:1", version: 2, tool: "build_image", executionId: "exe_1" };
  const events = [
    { type: "tool.completed", executionId: "exe_1", data: { produced: [entry] } },
    { type: "tool.completed", executionId: "exe_2", data: { used: [entry, { ...entry, as: "image" }] } },
    { type: "tool.completed", executionId: "exe_2b", data: { used: "nonsense" } },
    { type: "tool.failed", executionId: "exe_2", data: { used: [] } },
    { type: "routing.decided", executionId: "exe_1", data: {} },
    { type: "tool.completed", data: { produced: [entry] } },
  ];
  const executions = [execution("exe_1", 1), execution("exe_2", 2), execution("exe_2b", 3)];
  const [built, pushed, other] = extractTools({ tools, executions, events });
  expect(built).toMatchObject({ produced: [{ type: "image", key: "a:1", version: 2 }], after: [] });
  const taken = { type: "image", key: "a:1", version: 2, executionId: "exe_1" };
  expect(pushed).toMatchObject({ produced: [], after: ["exe_1"] });
  expect(pushed?.used).toEqual([
    { ...taken, as: null },
    { ...taken, as: "image" },
  ]);
  expect(other).toMatchObject({ produced: [], after: [] });
});
