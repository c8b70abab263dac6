import { expect, test } from "vitest";
import { z } from "zod";
import { rig, tool } from "../test/rig.ts";

const readOnly = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

test("a tool with effects shows its own fields, sessionId, wait, dryRun and idempotencyKey, and refuses others", () => {
  const [listing] = rig([tool()]).runtime.list();
  expect(listing?.inputSchema).toEqual({
    type: "object",
    properties: {
      text: { type: "string" },
      times: { type: "integer", default: 1 },
      sessionId: { type: "string", description: "from an earlier result" },
      wait: { type: "boolean", description: "false: as a job" },
      dryRun: { type: "boolean", description: "check all, change nothing" },
      idempotencyKey: { type: "string", minLength: 1, maxLength: 200, description: "same key: no second effect" },
    },
    required: ["text"],
    additionalProperties: false,
  });
});

test("a tool that only reads shows sessionId and wait beside its own fields", () => {
  const [listing] = rig([tool({ annotations: readOnly })]).runtime.list();
  expect(Object.keys(listing?.inputSchema["properties"] ?? {})).toEqual(["text", "times", "sessionId", "wait"]);
});

test("a tool that is about one session demands sessionId and opens none without it", async () => {
  const { runtime, sessions } = rig([tool({ annotations: readOnly, session: "required" })]);
  expect(runtime.list()[0]?.inputSchema["required"]).toEqual(["text", "sessionId"]);
  expect(await runtime.execute({ tool: "copy_text", input: { text: "x" } })).toMatchObject({
    ok: false,
    error: {
      code: "INVALID_INPUT",
      details: { issues: [{ path: "sessionId", message: "is missing: expected string" }] },
    },
  });
  expect(sessions.opened).toEqual([]);
});

test("the output schema is that of the whole outcome, also of a job, and demands only what failures have too", () => {
  const output = z.object({ text: z.string(), inner: z.object({ n: z.number().int() }) });
  const [listing] = rig([tool({ output })]).runtime.list();
  expect(listing?.outputSchema).toEqual({
    type: "object",
    properties: {
      ok: { type: "boolean" },
      tool: {},
      sessionId: { type: "string" },
      executionId: {},
      correlationId: {},
      dryRun: {},
      durationMs: {},
      jobId: { type: "string" },
      result: {
        anyOf: [
          {
            type: "object",
            properties: {
              text: { type: "string" },
              inner: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
            },
            required: ["text", "inner"],
          },
          { required: ["jobId", "status"] },
        ],
      },
      next: { type: "array" },
      error: { type: "object" },
    },
    required: ["ok", "tool"],
  });
});

test("what the runtime adds to a tool's schemas stays small", () => {
  const [listing] = rig([tool({ input: z.object({}), output: z.object({}) })]).runtime.list();
  expect(JSON.stringify([listing?.inputSchema, listing?.outputSchema]).length).toBeLessThan(720);
});

test("a refinement over several fields of the tool's input is kept", async () => {
  const input = z
    .object({ path: z.string().optional(), content: z.string().optional() })
    .refine((value) => (value.path === undefined) !== (value.content === undefined), "expected path or content");
  const { runtime } = rig([tool({ input })]);
  const outcome = await runtime.execute({ tool: "copy_text", input: {} });
  expect(outcome).toMatchObject({
    ok: false,
    error: { details: { issues: [{ path: "", message: "expected path or content" }] } },
  });
});

test("a schema that refers to itself keeps its references valid inside the envelope", () => {
  interface Node {
    readonly name: string;
    readonly children: Node[];
  }
  const node: z.ZodType<Node> = z
    .lazy(() => z.object({ name: z.string(), children: z.array(node) }))
    .meta({ id: "Node" });
  const [listing] = rig([tool({ output: z.object({ root: node }) })]).runtime.list();
  expect(listing?.outputSchema).toMatchObject({
    properties: { result: { anyOf: [{ properties: { root: { $ref: "#/$defs/Node" } } }, {}] } },
    $defs: { Node: { properties: { children: { items: { $ref: "#/$defs/Node" } } } } },
  });
});

test("the list of tools is the same object each time, so that a surface may cache what it makes of it", () => {
  const { runtime } = rig([tool()]);
  expect(runtime.list()).toBe(runtime.list());
});
