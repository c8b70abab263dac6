import { expect, test } from "vitest";
import { rig, tool } from "../test/rig.ts";

const named = (name: string, toolset: string, readOnlyHint = true) =>
  tool({
    name,
    toolset,
    annotations: { readOnlyHint, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  });
const everything = [
  named("server_status", "server"),
  named("sandbox_run", "sandbox", false),
  named("push_image", "image", false),
  named("inspect_image", "image"),
  named("build_image", "build", false),
  named("acme_thing", "acme"),
];
const names = (options: Parameters<typeof rig>[1]) =>
  rig(everything, options)
    .runtime.list()
    .map((listing) => listing.name);

test("tools are listed by toolset in the contract's order, then as they were defined", () => {
  expect(names({})).toEqual(["build_image", "push_image", "inspect_image", "server_status"]);
  expect(names({ toolsets: ["acme", "sandbox", "server", "image"] })).toEqual([
    "push_image",
    "inspect_image",
    "sandbox_run",
    "server_status",
    "acme_thing",
  ]);
});

test("read-only serves only tools that change nothing", () => {
  expect(names({ readOnly: true })).toEqual(["inspect_image", "server_status"]);
});

test("a toolset that nobody has is INVALID_INPUT, one that is still empty is not", () => {
  expect(() => names({ toolsets: ["imge"] })).toThrow("there is no toolset imge");
  expect(names({ toolsets: ["deploy"] })).toEqual([]);
});

test.each([
  ["pushimage", "Call push_image instead."],
  ["push-image", "Call push_image instead."],
  ["psuh_image", "Call push_image instead."],
  ["something_else_entirely", "List the tools and use one of their names."],
])("an unknown tool is TOOL_NOT_FOUND with what may have been meant: %s", async (name, remedy) => {
  const outcome = await rig(everything).runtime.execute({ tool: name, input: {} });
  expect(outcome).toMatchObject({ ok: false, tool: name, error: { code: "TOOL_NOT_FOUND", remedy } });
});

test("a tool whose toolset is not served is TOOL_NOT_FOUND and says how to serve it", async () => {
  const outcome = await rig(everything).runtime.execute({ tool: "sandbox_run", input: {} });
  expect(outcome).toMatchObject({
    error: { code: "TOOL_NOT_FOUND", remedy: "Start the server with the toolset sandbox among its toolsets." },
  });
});

test("a tool with effects is POLICY_DENIED where only reading is allowed, and nothing is recorded", async () => {
  const { runtime, sessions } = rig(everything, { readOnly: true });
  const outcome = await runtime.execute({ tool: "push_image", input: { text: "x" } });
  expect(outcome).toMatchObject({ ok: false, error: { code: "POLICY_DENIED" } });
  expect(sessions.executions).toEqual([]);
});

test("a name that is not a text is TOOL_NOT_FOUND and has every field of an outcome", async () => {
  const outcome = await rig(everything).runtime.execute({ tool: undefined as unknown as string, input: {} });
  expect(outcome).toMatchObject({
    ok: false,
    tool: "",
    sessionId: "",
    executionId: "",
    error: { code: "TOOL_NOT_FOUND" },
  });
  expect(outcome.correlationId).not.toBe("");
  expect(outcome.durationMs).toBeGreaterThanOrEqual(0);
});
