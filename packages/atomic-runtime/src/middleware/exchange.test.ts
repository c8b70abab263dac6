import type { FailureRouting, Router, RoutingDecision } from "@container-kit/context-sharing";
import { defineErrors } from "@container-kit/errors";
import { afterEach, expect, test, vi } from "vitest";
import { contextRig } from "../../test/context-rig.ts";
import { aborted, forever, rig, running, tool } from "../../test/rig.ts";
import type { ToolDefinition } from "../index.ts";

const fail = defineErrors({
  BUILD_FAILED: { category: "build", summary: "x", remedy: "Correct it.", retryable: false, fault: "caller" },
  STORE_FULL: { category: "session", summary: "x", remedy: "Free some.", retryable: false, fault: "environment" },
});

afterEach(() => vi.useRealTimers());

const build = (changes: Partial<ToolDefinition> = {}): ToolDefinition =>
  tool({
    name: "build_image",
    produces: [
      {
        type: "image",
        from: ({ text }) => [
          { key: `r/${String(text)}`, value: { reference: `r/${String(text)}` }, labels: { first: "yes" } },
          { key: String(text), value: { reference: String(text) } },
        ],
      },
    ],
    ...changes,
  });
const call = (input: Readonly<Record<string, unknown>> = {}) => ({
  tool: "build_image",
  input: { text: "a:1", ...input },
});

test("what a tool leaves is told, kept with who made it, and the first of it is what later tools take", async () => {
  const { runtime, context, events } = await contextRig([build()]);
  const outcome = await runtime.execute(call());
  const { sessionId, executionId } = outcome;
  const named = { type: "image", version: 1, tool: "build_image", executionId };
  const produced = [
    { ...named, key: "r/a:1" },
    { ...named, key: "a:1" },
  ];
  expect(outcome.context).toEqual({ produced });
  expect(runtime.render(outcome)).not.toContain("Used:");
  const kept = await context.query({ sessionId });
  expect(kept.map(({ key, labels }) => ({ key, labels }))).toEqual([
    { key: "r/a:1", labels: { first: "yes" } },
    { key: "a:1", labels: {} },
  ]);
  expect(await events()).toMatchObject([
    { type: "tool.completed", sessionId, executionId, data: { tool: "build_image", dryRun: false, produced } },
  ]);
});

test("a dry run leaves nothing, a failure leaves nothing", async () => {
  const { runtime, context, events } = await contextRig([
    build({
      run: (input) =>
        input["text"] === "bad" ? Promise.reject(fail("BUILD_FAILED", "no")) : Promise.resolve({ text: "a" }),
    }),
  ]);
  const dry = await runtime.execute(call({ dryRun: true }));
  const failed = await runtime.execute(call({ text: "bad", sessionId: dry.sessionId }));
  expect([dry.context, failed.context]).toEqual([undefined, undefined]);
  expect(await context.query({ sessionId: dry.sessionId })).toEqual([]);
  expect(await events()).toMatchObject([
    { type: "tool.completed", data: { dryRun: true } },
    { type: "tool.failed", data: { code: "BUILD_FAILED" } },
  ]);
});

test("nothing is left before the end of the execution is recorded, nor when it could not be", async () => {
  const order: string[] = [];
  const share = () => (order.push("share"), Promise.reject(new Error("no entry is needed here")));
  const { runtime, sessions } = await contextRig([build({ durable: true })], {}, () => ({ share }));
  const { endExecution, endJob } = sessions;
  sessions.endExecution = (...end) => (order.push("end"), endExecution(...end));
  sessions.endJob = (...end) => (order.push("job"), endJob(...end));
  await runtime.execute(call());
  expect(order).toEqual(["end", "share", "share", "job"]);
  order.length = 0;
  sessions.endExecution = () => Promise.reject(fail("STORE_FULL", "no space"));
  expect(await runtime.execute(call())).toMatchObject({ ok: false, error: { details: { effect: "happened" } } });
  expect(order).toEqual(["job"]);
});

test("what cannot be kept is one sentence each, and the success stays one", async () => {
  const { runtime, log } = await contextRig([
    build({
      produces: [
        {
          type: "image",
          from: () => [
            { key: "a:1", value: { reference: "a:1" } },
            { key: "b", value: { other: 1 } },
          ],
        },
        {
          type: "analysis",
          from: () => {
            throw new Error("broken");
          },
        },
        { type: "analysis", from: () => "nothing" as never },
      ],
    }),
  ]);
  const outcome = await runtime.execute(call());
  expect(outcome).toMatchObject({ ok: true, context: { produced: [{ key: "a:1" }] } });
  expect(outcome.context?.problems).toEqual([
    expect.stringMatching(/^image b could not be kept for later tools: /),
    "analysis could not be kept for later tools: broken",
    "analysis could not be kept for later tools: expected a list of entries of analysis",
  ]);
  expect(runtime.render(outcome)).toContain("Not kept: image b could not be kept");
  expect(log.filter(({ message }) => message === "what a tool left could not be kept")).toHaveLength(3);
});

test("a key that looks like a secret is neither kept nor told", async () => {
  const secret = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
  const { runtime, log, events } = await contextRig([
    build({ produces: [{ type: "image", from: () => [{ key: secret, value: { reference: "a" } }] }] }),
  ]);
  const outcome = await runtime.execute(call());
  expect(outcome).toMatchObject({ ok: true, context: { problems: [expect.stringContaining("looks like a secret")] } });
  expect(JSON.stringify([outcome, runtime.render(outcome), log, await events()])).not.toContain(secret);
});

test("a call leaves 32 entries at most, whatever their types, and its end is told all the same", async () => {
  const entries = Array.from({ length: 20 }, (_none, number) => ({
    key: `${number} ${"ü".repeat(500)}`,
    value: { reference: "a", path: "." },
  }));
  const { runtime, events } = await contextRig([
    build({ produces: ["image", "analysis"].map((type) => ({ type, from: () => entries })) }),
  ]);
  const { context } = await runtime.execute(call());
  expect(context?.produced).toHaveLength(20);
  expect(context?.problems).toEqual([expect.stringContaining("expected at most 32 entries of one call")]);
  expect(await events()).toHaveLength(1);
});

test("a store that hangs holds a success for two seconds and no longer", async () => {
  const { runtime, sessions } = await contextRig([build()], {}, () => ({ share: forever, query: forever }));
  vi.useFakeTimers();
  const outcome = runtime.execute(call());
  await vi.advanceTimersByTimeAsync(2_100);
  expect(await outcome).toMatchObject({
    ok: true,
    context: { problems: [expect.stringContaining("could not be had within"), expect.any(String)] },
  });
  expect(sessions.executions[0]?.end).toMatchObject({ status: "completed" });
});

test("a tool that neither takes nor leaves asks the store nothing", async () => {
  const touched = vi.fn(() => Promise.reject(new Error("touched")));
  const { runtime, openSession } = await contextRig([tool()], {}, () => ({
    query: touched,
    get: touched,
    share: touched,
  }));
  const sessionId = await openSession();
  const outcome = await runtime.execute({ tool: "copy_text", input: { text: "a", sessionId } });
  expect(outcome).toMatchObject({ ok: true });
  expect(outcome).not.toHaveProperty("context");
  expect(touched).not.toHaveBeenCalled();
});

test("a tool looks at what it declared without waiting, and what it looked at is told once", async () => {
  const seen: unknown[] = [];
  const look = running(
    (_input, { entry }) => {
      seen.push(entry("image")?.value, entry("image")?.key, entry("image", "app:1")?.key, entry("image", "none"));
      expect(() => entry("analysis")).toThrow("expected look_around to declare analysis in consumes");
      return Promise.resolve({ text: "" });
    },
    { name: "look_around", consumes: [{ type: "image" }] },
  );
  const { runtime, openSession, share, events } = await contextRig([look]);
  const sessionId = await openSession();
  for (const reference of ["app:0", "app:1", "app:2"]) await share(sessionId, reference);
  const outcome = await runtime.execute({ tool: "look_around", input: { text: "", sessionId } });
  expect(seen).toEqual([{ reference: "app:2" }, "app:2", "app:1", undefined]);
  expect(outcome.context).toMatchObject({
    used: [{ key: "app:2" }, { key: "app:1" }],
    known: [{ key: "app:0", tool: "build_image" }],
  });
  expect(runtime.render(outcome).split("\n").slice(-3)).toEqual([
    "Used: image app:2 (build_image), image app:1 (build_image)",
    "Known: image app:0 (build_image)",
    `sessionId: ${sessionId}`,
  ]);
  expect((await events()).at(-1)?.data).toMatchObject({ used: [{ key: "app:2" }, { key: "app:1" }] });
});

test("entries that cannot be read cost only the tool that looks for one", async () => {
  const look = running(
    (input, { entry }) => Promise.resolve({ text: input["text"] === "look" ? String(entry("image")?.key) : "" }),
    {
      consumes: [{ type: "image" }],
    },
  );
  const query = () => Promise.reject(fail("STORE_FULL", "no space"));
  const { runtime, openSession } = await contextRig([look], {}, () => ({ query }));
  const sessionId = await openSession();
  const ask = (text: string) => runtime.execute({ tool: "copy_text", input: { text, sessionId } });
  expect(await ask("look")).toMatchObject({ ok: false, error: { code: "STORE_FULL" } });
  expect(await ask("on")).toMatchObject({ ok: true });
});

const decision: RoutingDecision = {
  rule: "broken-dockerfile",
  action: "route",
  toTool: "copy_text",
  arguments: { text: "again" },
  reason: "look at the repository",
};

/** A routing that always decides the same, and says what it was asked. */
function routing(changes: Partial<FailureRouting> = {}): FailureRouting & { readonly asked: unknown[] } {
  const asked: unknown[] = [];
  return {
    asked,
    router: { mentions: () => true } as unknown as Router,
    failed: (call) => (asked.push({ failed: call }), Promise.resolve(decision)),
    succeeded: (call) => (asked.push({ succeeded: call }), Promise.resolve(null)),
    explain: (call) => (asked.push({ explained: call }), Promise.resolve({ decision, rules: [] })),
    ...changes,
  };
}

const broken = (): ToolDefinition =>
  build({ durable: true, run: () => Promise.reject(fail("BUILD_FAILED", "step 3")) });

test("a failure says where it goes, to its caller, in its job and in its text, in the same session", async () => {
  const routes = routing();
  const { runtime, sessions } = rig([broken(), tool()], { routing: routes, autoFix: false });
  const outcome = await runtime.execute(call());
  const complete = { ...decision, arguments: { text: "again", sessionId: "s1" } };
  expect(outcome).toMatchObject({ ok: false, routing: complete });
  expect(sessions.endedJobs).toMatchObject([{ status: "failed", outcome: { routing: complete } }]);
  expect(runtime.render(outcome)).toContain('\nNext: copy_text {text: "again"} – look at the repository\n');
  expect(routes.asked).toMatchObject([
    { failed: { tool: "build_image", sessionId: "s1", executionId: "e1", autoFix: false, input: { text: "a:1" } } },
  ]);
});

test("the outcome of a job whose call was answered before has what it took, left and leads to", async () => {
  const next = () => [{ tool: "build_image", reason: "again", arguments: {} }];
  const step = { tool: "copy_text", reason: "back", arguments: { text: "b" } };
  const routes = routing({ succeeded: () => Promise.resolve(step) });
  const { runtime, sessions, openSession, share } = await contextRig(
    [build({ next, consumes: [{ type: "image", fills: { text: "reference" } }] }), tool()],
    { routing: routes },
  );
  const sessionId = await openSession();
  await share(sessionId, "a:1");
  const answer = await runtime.execute({ tool: "build_image", input: { sessionId, wait: false } });
  expect(answer).toMatchObject({ ok: true, result: { status: "running" } });
  await runtime.jobsDone();
  expect(sessions.endedJobs).toMatchObject([
    {
      status: "completed",
      outcome: {
        context: { used: [{ key: "a:1", as: "text" }], produced: [{ key: "r/a:1" }, { key: "a:1" }] },
        next: [{ tool: "copy_text" }, { tool: "build_image" }],
      },
    },
  ]);
});

test("the session's label forbids to change files where the program allows it", async () => {
  const routes = routing();
  const { runtime, sessions } = rig([broken()], { routing: routes });
  const { touchSession } = sessions;
  sessions.touchSession = async (id) => ({ ...(await touchSession(id)), labels: { "auto-fix": "false" } });
  const { sessionId } = await runtime.execute(call());
  await runtime.execute(call({ sessionId }));
  expect(routes.asked).toMatchObject([
    { failed: { autoFix: true, labels: {} } },
    { failed: { autoFix: false, labels: { "auto-fix": "false" } } },
  ]);
});

test("a dry run's failure is explained without being remembered, and what it leads to changes nothing either", async () => {
  const routes = routing();
  const { runtime } = rig([broken(), tool()], { routing: routes });
  expect(await runtime.execute(call({ dryRun: true }))).toMatchObject({
    ok: false,
    routing: { rule: decision.rule, arguments: { text: "again", dryRun: true } },
  });
  expect(routes.asked).toMatchObject([{ explained: { tool: "build_image" } }]);
});

test("neither a refused input nor a stopped call is routed", async () => {
  const routes = routing();
  const stop = new AbortController();
  const waiting = build({
    run: (_input, { signal }) => aborted(signal).then(() => Promise.reject(new Error("stopped"))),
  });
  const { runtime } = rig([waiting], { routing: routes });
  expect(await runtime.execute(call({ text: 1 }))).not.toHaveProperty("routing");
  const stopped = runtime.execute({ ...call(), signal: stop.signal });
  await new Promise(setImmediate);
  stop.abort();
  expect(await stopped).toMatchObject({ ok: false, error: { code: "CANCELLED" } });
  expect(routes.asked).toEqual([]);
});

test("a routing that breaks or hangs costs the routing and nothing else", async () => {
  vi.useFakeTimers();
  const { runtime, log } = rig([broken()], {
    routing: routing({ failed: () => Promise.reject(new Error("store away")) }),
  });
  const outcome = await runtime.execute(call());
  expect(outcome).toMatchObject({ ok: false, error: { code: "BUILD_FAILED" } });
  expect(outcome).not.toHaveProperty("routing");
  expect(log).toContainEqual(expect.objectContaining({ level: "warn", message: "a failure could not be routed" }));
  const hanging = rig([broken()], { routing: routing({ failed: forever }) }).runtime.execute(call());
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await hanging).toMatchObject({ ok: false, error: { code: "BUILD_FAILED" } });
});

test("the next step of an open chain comes first, instead of what the tool itself says of the same tool", async () => {
  const step = { tool: "copy_text", reason: "back to the build", arguments: { text: "b" } };
  const succeeded = vi.fn(() => Promise.resolve(step));
  const fixing = build({
    summarize: () => "fixed",
    next: () => [
      { tool: "build_image", reason: "see", arguments: {} },
      { tool: "copy_text", reason: "copy", arguments: { text: "" } },
    ],
  });
  const { runtime, sessions } = rig([fixing, tool()], { routing: routing({ succeeded }) });
  const { id: sessionId } = await sessions.openSession();
  const outcome = await runtime.execute(call({ sessionId, idempotencyKey: "k" }));
  expect(outcome).toMatchObject({
    ok: true,
    next: [
      { tool: "copy_text", reason: "back to the build", arguments: { text: "b", sessionId: "s1" } },
      { tool: "build_image", arguments: { sessionId: "s1" } },
    ],
  });
  expect(runtime.render(outcome)).toMatch(/^fixed\nNext: copy_text/);
  expect(succeeded).toHaveBeenCalledWith(expect.objectContaining({ executionId: "e1", result: { text: "a:1" } }));
  await runtime.execute(call({ sessionId, idempotencyKey: "k" }));
  expect(succeeded).toHaveBeenCalledTimes(1);
});
