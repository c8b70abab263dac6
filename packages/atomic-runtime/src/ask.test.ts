import { defineErrors } from "@container-kit/errors";
import { expect, test } from "vitest";
import { contextRig } from "../test/context-rig.ts";
import { aborted, forever, rig, running, tool } from "../test/rig.ts";
import type { ToolContext, ToolDefinition, ToolOutcome } from "./index.ts";

const fail = defineErrors({
  ENGINE_UNAVAILABLE: { category: "engine", summary: "x", remedy: "Wait.", retryable: true, fault: "environment" },
});
const fast = { firstPauseMs: 1, longestPauseMs: 2 };

/** A tool that does with its context what a test wants, and gives the text of it. */
const asking = (
  run: (context: ToolContext) => Promise<unknown>,
  changes: Partial<ToolDefinition> = {},
): ToolDefinition =>
  running(async (_input, context) => ({ text: String(await run(context)) }), { name: "ask_other", ...changes });
const call = { tool: "ask_other", input: { text: "" } };

test("a tool asks another in its session, as a child of its own execution, in one exchange", async () => {
  let reply: ToolOutcome | undefined;
  const asker = asking(async ({ request }) => {
    reply = await request("copy_text", { text: "hello", wait: false });
  });
  const { runtime, sessions, events } = await contextRig([asker, tool()]);
  await runtime.execute({ ...call, correlationId: "c1" });
  expect(reply).toMatchObject({ ok: true, result: { text: "hello" }, sessionId: "s1", correlationId: "c1" });
  expect(sessions.executions).toMatchObject([
    { id: "e1", tool: "ask_other", parent: undefined },
    { id: "e2", tool: "copy_text", parent: "e1", correlationId: "c1", sessionId: "s1", job: false },
  ]);
  expect(await events()).toMatchObject([
    { type: "tool.completed", executionId: "e2", correlationId: "c1", data: { parent: "e1" } },
    { type: "tool.completed", executionId: "e1", correlationId: "c1" },
  ]);
});

test("what a retry may help is asked again, and each attempt is an execution of its own", async () => {
  let runs = 0;
  const flaky = running(() =>
    (runs += 1) < 3 ? Promise.reject(fail("ENGINE_UNAVAILABLE", "away")) : Promise.resolve({ text: "up" }),
  );
  const asker = asking(async ({ request }) => (await request("copy_text", { text: "" }, fast)).ok);
  const { runtime, sessions } = rig([asker, flaky]);
  expect(await runtime.execute(call)).toMatchObject({ ok: true, result: { text: "true" } });
  expect(sessions.executions.map(({ parent, end }) => [parent, end?.status])).toEqual([
    [undefined, "completed"],
    ["e1", "failed"],
    ["e1", "failed"],
    ["e1", "completed"],
  ]);
});

test("a failure is an outcome: of the tool, of one that does not exist, and of one that does not reply in time", async () => {
  const codes: unknown[] = [];
  const asker = asking(async ({ request }) => {
    const hanging = { deadlineMs: 20 };
    for (const [name, options] of [
      ["copy_text", fast],
      ["no_tool", fast],
      ["hang_long", hanging],
    ] as const) {
      const reply = await request(name, { text: "" }, options);
      codes.push(reply.ok ? "ok" : reply.error.code);
    }
  });
  const { runtime } = rig([
    asker,
    running(() => Promise.reject(new Error("boom"))),
    running((_input, { signal }) => aborted(signal).then(() => ({ text: "" })), { name: "hang_long" }),
  ]);
  expect(await runtime.execute(call)).toMatchObject({ ok: true });
  expect(codes).toEqual(["INTERNAL", "TOOL_NOT_FOUND", "TOOL_TIMEOUT"]);
});

test("a tool asks many at once, and nobody is warned of a leak", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on("warning", onWarning);
  const asker = asking(async ({ request }) => {
    const replies = await Promise.all(Array.from({ length: 50 }, () => request("copy_text", { text: "" })));
    return replies.every(({ ok }) => ok);
  });
  const { runtime } = rig([asker, tool()], { maxConcurrent: 1 });
  expect(await runtime.execute(call)).toMatchObject({ ok: true, result: { text: "true" } });
  await new Promise(setImmediate);
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});

test("a dry run changes nothing through others either", async () => {
  const dry: boolean[] = [];
  const asker = asking(async ({ request }) => request("copy_text", { text: "" }));
  const child = running((_input, context) => (dry.push(context.dryRun), Promise.resolve({ text: "" })));
  const { runtime } = rig([asker, child]);
  await runtime.execute({ ...call, input: { text: "", dryRun: true } });
  expect(dry).toEqual([true]);
});

test("what is asked takes no turn of its own, and goes no deeper than eight", async () => {
  const deep = asking(async ({ request }) => {
    const reply = await request("ask_other", { text: "" });
    return reply.ok ? reply.result["text"] : reply.error.code;
  });
  const { runtime, sessions } = rig([deep], { maxConcurrent: 1, maxWaiting: 0 });
  expect(await runtime.execute(call)).toMatchObject({ ok: true, result: { text: "CONFLICT" } });
  expect(sessions.executions).toHaveLength(9);
});

test("a stop of the asker stops what it asked, and is what its tool reads", async () => {
  const stop = new AbortController();
  let read: unknown;
  const child = running((_input, { signal }) => {
    stop.abort();
    return aborted(signal).then(() => ({ text: "" }));
  });
  const asker = asking(({ request }) =>
    request("copy_text", { text: "" }).catch((error: unknown) => Promise.reject((read = error) as Error)),
  );
  const { runtime, sessions } = rig([asker, child]);
  const outcome = await runtime.execute({ ...call, signal: stop.signal });
  expect(outcome).toMatchObject({ ok: false, error: { code: "CANCELLED" } });
  expect(read).toMatchObject({ code: "CANCELLED", message: "ask_other was cancelled by its caller" });
  await expect.poll(() => sessions.executions[1]?.end).toBeDefined();
});

test("what a tool asked and did not wait for ends with it, also when it would heed nothing", async () => {
  let told: AbortSignal | undefined;
  const child = running((_input, { signal }) => {
    told = signal;
    return forever();
  });
  const asker = asking(async ({ request }) => {
    void request("copy_text", { text: "" });
    await expect.poll(() => told).toBeDefined();
    return "gone";
  });
  const { runtime } = rig([asker, child]);
  expect(await runtime.execute(call)).toMatchObject({ ok: true, result: { text: "gone" } });
  await expect.poll(() => told?.aborted).toBe(true);
  expect(told?.reason).toMatchObject({ code: "CANCELLED" });
});

test("a tool that has returned asks nothing any more", async () => {
  let late: ToolContext["request"] | undefined;
  const asker = asking(({ request }) => Promise.resolve((late = request)));
  const { runtime, sessions } = rig([asker, tool()]);
  expect(await runtime.execute(call)).toMatchObject({ ok: true });
  await expect(late?.("copy_text", { text: "" })).rejects.toMatchObject({ code: "CANCELLED" });
  expect(sessions.executions).toHaveLength(1);
});

test("a tool that runs once at a time may ask for itself, also through another", async () => {
  const single = asking(
    async ({ request }) => {
      const reply = await request("copy_text", { text: "" });
      return reply.ok ? reply.result["text"] : reply.error.code;
    },
    { concurrency: 1 },
  );
  let depth = 0;
  const between = running(async (_input, { request }) => {
    if ((depth += 1) > 1) return { text: "deep" };
    const reply = await request("ask_other", { text: "" });
    return { text: reply.ok ? String(reply.result["text"]) : reply.error.code };
  });
  const { runtime } = rig([single, between]);
  expect(await runtime.execute(call)).toMatchObject({ ok: true, result: { text: "deep" } });
});

test("a child's failure is its asker's to repeat, and is not routed", async () => {
  const asked: unknown[] = [];
  const decide = (failed: unknown) => (asked.push(failed), Promise.resolve(null));
  const routing = { router: { mentions: () => true } as never, failed: decide, explain: forever, succeeded: decide };
  const asker = asking(({ request }) =>
    request("copy_text", { text: "" }).then(() => Promise.reject(new Error("gave up"))),
  );
  const { runtime } = rig([asker, running(() => Promise.reject(new Error("boom")))], { routing });
  await runtime.execute(call);
  expect(asked).toMatchObject([{ tool: "ask_other" }]);
});
