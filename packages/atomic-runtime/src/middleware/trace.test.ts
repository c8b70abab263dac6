import type { Attributes, SpanFailure, SpanOptions, Telemetry } from "@container-kit/observability";
import { expect, test } from "vitest";
import { rig, running, tool } from "../../test/rig.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const call = { tool: "copy_text", input: { text: "hello" } };

interface SeenSpan extends SpanOptions {
  readonly name: string;
  readonly set: Attributes[];
  ended: SpanFailure | "well" | undefined;
}

function listening() {
  const spans: SeenSpan[] = [];
  const measured: string[] = [];
  const telemetry: Telemetry = {
    span(name, options = {}) {
      const span: SeenSpan = { name, ...options, set: [], ended: undefined };
      spans.push(span);
      return {
        traceId: TRACE,
        traceparent: undefined,
        set: (attributes) => span.set.push(attributes),
        end: (failure) => (span.ended = failure ?? "well"),
      };
    },
    record: ({ prometheus }, _value, attributes = {}) =>
      measured.push([prometheus, ...Object.values(attributes).filter((value) => value !== undefined)].join(" ")),
  };
  return { telemetry, spans, measured };
}

test("an execution is one span below the caller's, and its trace id is the correlation id in record and answer", async () => {
  const { telemetry, spans } = listening();
  const { runtime, sessions } = rig([tool()], { telemetry });
  const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
  expect(await runtime.execute({ ...call, traceparent })).toMatchObject({ ok: true, correlationId: TRACE });
  expect(sessions.executions[0]?.correlationId).toBe(TRACE);
  expect(spans).toMatchObject([
    {
      name: "tools/call copy_text",
      parent: traceparent,
      attributes: { "mcp.method.name": "tools/call", "gen_ai.tool.name": "copy_text" },
      ended: "well",
    },
  ]);
});

test("without telemetry the correlation id is the traceparent's, then the caller's word stands, then a new one", async () => {
  const { runtime } = rig([tool()]);
  const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
  expect((await runtime.execute({ ...call, traceparent })).correlationId).toBe(TRACE);
  expect((await runtime.execute({ ...call, traceparent, correlationId: "mine" })).correlationId).toBe("mine");
  expect((await runtime.execute({ ...call, traceparent: "rubbish" })).correlationId).toMatch(/^[0-9a-f]{32}$/);
});

test("a failure ends its span with the code, and calls are counted by tool and code, refused ones too", async () => {
  const { telemetry, spans, measured } = listening();
  const { runtime } = rig([running(() => Promise.reject(new Error("boom")))], { telemetry });
  await runtime.execute(call);
  await runtime.execute({ ...call, input: {} });
  await runtime.execute({ tool: "no_such_tool", input: {} });
  expect(spans.map(({ ended }) => ended)).toEqual([{ code: "INTERNAL", message: "boom" }]);
  expect(measured.filter((line) => line.startsWith("container_kit_tool_calls_total"))).toEqual([
    "container_kit_tool_calls_total copy_text INTERNAL",
    "container_kit_tool_calls_total copy_text INVALID_INPUT",
    "container_kit_tool_calls_total unknown TOOL_NOT_FOUND",
  ]);
});

test("the causes of a failure are recorded, redacted, the nearest first", async () => {
  const root = new Error("TOKEN=hunter22 refused");
  const { runtime, sessions } = rig([
    running(() => Promise.reject(new Error("push failed", { cause: new Error("socket closed", { cause: root }) }))),
  ]);
  await runtime.execute(call);
  expect(sessions.executions[0]?.end).toMatchObject({ causes: ["socket closed", "TOKEN=[redacted] refused"] });
});
