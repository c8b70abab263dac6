import type { BusEvent } from "@container-kit/context-sharing";
import type { ToolExecution } from "@container-kit/session";
import { expect, test } from "vitest";
import { traceExchange } from "./exchange-trace.ts";

const execution = (id: string, parent: string | null = null): ToolExecution => ({
  id,
  sessionId: "s",
  jobId: null,
  tool: `tool_${id}`,
  correlationId: "c",
  parent,
  dryRun: false,
  attempts: 1,
  input: {},
  status: "completed",
  result: {},
  error: null,
  startedAt: 0,
  endedAt: 1,
  durationMs: 1,
});
const event = (type: string, executionId: string, data: BusEvent["data"]): BusEvent => ({
  id: `${type} ${executionId}`,
  cursor: "1",
  at: 0,
  type,
  sessionId: "s",
  executionId,
  data,
});

test("each execution stands once, below the one that asked for it, with what it took and left", () => {
  const image = { type: "image", key: "app:1", version: 1, tool: "tool_a", executionId: "a" };
  const events = [
    event("tool.completed", "a", { produced: [image] }),
    event("tool.failed", "b", { used: [{ ...image, as: "image" }] }),
    event("routing.decided", "b", { rule: "r", action: "route", toTool: "other", reason: "It helps.", attempt: 1 }),
    event("routing.decided", "gone", { rule: "r", action: "fail", reason: "x" }),
  ];
  // A parent that is not there any more, and one that is the execution itself, are none.
  const all = [execution("a"), execution("b", "a"), execution("c", "gone"), execution("d", "d"), execution("e", "b")];
  const [a, ...others] = traceExchange(all, events);
  expect(others.map(({ executionId }) => executionId)).toEqual(["c", "d"]);
  expect(a).toMatchObject({ executionId: "a", produced: [image], used: [], routing: [] });
  expect(a?.children).toMatchObject([
    {
      executionId: "b",
      used: [{ as: "image", executionId: "a" }],
      routing: [{ rule: "r", action: "route", toTool: "other", reason: "It helps." }],
      children: [{ executionId: "e", children: [] }],
    },
  ]);
});
