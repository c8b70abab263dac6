import { afterEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { contextRig } from "../../test/context-rig.ts";
import { forever, rig, tool } from "../../test/rig.ts";
import type { Policy, PolicyFacts, ToolDefinition } from "../index.ts";

afterEach(() => vi.useRealTimers());

const input = z.object({ image: z.string(), context: z.string().optional(), text: z.string().default("") });

/** Takes an image, as `push_image` does. */
const push = (changes: Partial<ToolDefinition> = {}): ToolDefinition =>
  tool({
    name: "push_image",
    input,
    output: z.object({ text: z.string() }),
    consumes: [{ type: "image", fills: { image: "reference", context: "context" } }],
    run: (given) => Promise.resolve({ text: `${String(given["image"])} ${String(given["context"])}` }),
    ...changes,
  });
const build = tool({ name: "build_image", produces: [{ type: "image", from: () => [] }] });
const made = (reference: string) => ({
  type: "image",
  key: reference,
  version: 1,
  tool: "build_image",
  executionId: `e-${reference}`,
});

test("what a call leaves out is the newest of its session, and its outcome says whose it was and what it became", async () => {
  const { runtime, openSession, share } = await contextRig([push(), build]);
  const sessionId = await openSession();
  await share(sessionId, "app:1");
  await share(sessionId, "app:2", { context: "." });
  expect(await runtime.execute({ tool: "push_image", input: { sessionId } })).toMatchObject({
    ok: true,
    result: { text: "app:2 ." },
    context: {
      used: [
        { ...made("app:2"), as: "image" },
        { ...made("app:2"), as: "context" },
      ],
      known: [{ type: "image", key: "app:1", tool: "build_image" }],
    },
  });
});

test("a call that gives its arguments takes nothing", async () => {
  const { runtime, openSession, share } = await contextRig([push()]);
  const sessionId = await openSession();
  await share(sessionId, "app:1", { context: "." });
  const outcome = await runtime.execute({ tool: "push_image", input: { sessionId, image: "mine:1", context: "x" } });
  expect(outcome).toMatchObject({ ok: true, result: { text: "mine:1 x" } });
  expect(outcome.context?.used).toBeUndefined();
});

test("an entry that says otherwise than what was given fills nothing", async () => {
  const { runtime, openSession, share } = await contextRig([push()]);
  const sessionId = await openSession();
  await share(sessionId, "app:1", { context: "." });
  expect(await runtime.execute({ tool: "push_image", input: { sessionId, image: "other:1" } })).toMatchObject({
    result: { text: "other:1 undefined" },
  });
});

test("what nobody knows is asked for by its path, with the tools that would leave it, beside every other issue", async () => {
  const { runtime, openSession, share } = await contextRig([push(), build]);
  const other = await openSession();
  await share(other, "app:1");
  const sessionId = await openSession();
  expect(await runtime.execute({ tool: "push_image", input: { sessionId, text: 1 } })).toMatchObject({
    ok: false,
    sessionId,
    error: {
      code: "INVALID_INPUT",
      details: {
        issues: [
          { path: "image", message: "is missing: give it, or run build_image first in this session" },
          { path: "text", message: "expected string, received number" },
        ],
      },
    },
  });
  expect(await runtime.execute({ tool: "push_image", input: {} })).toMatchObject({
    error: {
      details: { issues: [{ message: "is missing: give it, or run build_image first and name its sessionId" }] },
    },
  });
});

test("a session that is unknown is said as that, and not as a missing argument", async () => {
  const { runtime } = await contextRig([push(), build]);
  expect(await runtime.execute({ tool: "push_image", input: { sessionId: "nobody" } })).toMatchObject({
    ok: false,
    error: { code: "SESSION_NOT_FOUND" },
  });
});

test("a key says which entry is meant, and may be an argument", async () => {
  const byText = push({ consumes: [{ type: "image", key: "${input.text}", fills: { image: "reference" } }] });
  const { runtime, openSession, share } = await contextRig([byText]);
  const sessionId = await openSession();
  await share(sessionId, "app:1");
  await share(sessionId, "app:2");
  const call = (text?: string) => runtime.execute({ tool: "push_image", input: { sessionId, text } });
  expect(await call("app:1")).toMatchObject({ result: { text: "app:1 undefined" } });
  expect(await call("app:3")).toMatchObject({ ok: false, error: { code: "INVALID_INPUT" } });
  expect(await call()).toMatchObject({ result: { text: "app:2 undefined" } });
});

test("what was filled in is checked like what was given, and a refusal says where it came from", async () => {
  const short = input.extend({ image: z.string().max(3) });
  const { runtime, openSession, share } = await contextRig([push({ input: short })]);
  const sessionId = await openSession();
  await share(sessionId, "app:1");
  expect(await runtime.execute({ tool: "push_image", input: { sessionId } })).toMatchObject({
    error: {
      code: "INVALID_INPUT",
      message: expect.stringContaining("(taken from image app:1 of build_image; give it instead)"),
    },
  });
});

test("what was filled in is judged like what was given, and a refusal tells whose it was", async () => {
  const judged: unknown[] = [];
  const policy = {
    check(_tool: string, facts: PolicyFacts) {
      judged.push(facts);
      throw new Error("not there");
    },
  } as unknown as Policy;
  const acts = (given: Record<string, unknown>) => ({ verb: "push", registries: [String(given["image"])] });
  const { runtime, openSession, share } = await contextRig([push({ acts })], { policy });
  const sessionId = await openSession();
  await share(sessionId, "evil.example.com/app:1");
  expect(await runtime.execute({ tool: "push_image", input: { sessionId } })).toMatchObject({
    ok: false,
    context: { used: [{ key: "evil.example.com/app:1", tool: "build_image", as: "image" }] },
  });
  expect(judged).toEqual([{ verb: "push", registries: ["evil.example.com/app:1"] }]);
});

test("an entry that has expired fills nothing", async () => {
  const { runtime, openSession, context } = await contextRig([push(), build]);
  const sessionId = await openSession();
  const producer = { tool: "build_image", executionId: "e" };
  await context.share({ sessionId, type: "image", key: "a", value: { reference: "a" }, producer, ttlMs: 1 });
  await expect.poll(() => context.query({ sessionId })).toEqual([]);
  expect(await runtime.execute({ tool: "push_image", input: { sessionId } })).toMatchObject({
    error: { code: "INVALID_INPUT" },
  });
});

test("a repeated call with the same key reads its first outcome, also when the session knows something newer by then", async () => {
  const { runtime, openSession, share } = await contextRig([push()]);
  const sessionId = await openSession();
  await share(sessionId, "app:1");
  const call = { tool: "push_image", input: { sessionId, idempotencyKey: "k" } };
  const first = await runtime.execute(call);
  await share(sessionId, "app:2");
  const again = await runtime.execute(call);
  expect(again).toMatchObject({ ok: true, executionId: first.executionId, result: { text: "app:1 undefined" } });
  expect(again.context).toBeUndefined();
});

test("a key that was used where the session knew nothing yet reads its outcome when it does; in another session it is refused", async () => {
  const optional = input.extend({ context: z.string().default("/") });
  const { runtime, openSession, share } = await contextRig([push({ input: optional })]);
  const call = (session: string | undefined) =>
    runtime.execute({ tool: "push_image", input: { sessionId: session, image: "app:1", idempotencyKey: "k" } });
  const first = await call(undefined);
  const { sessionId } = first;
  expect(first).toMatchObject({ ok: true, result: { text: "app:1 /" } });
  await share(sessionId, "app:1", { context: "./new" });
  expect(await call(sessionId)).toMatchObject({ ok: true, executionId: first.executionId });
  expect(await call(undefined)).toMatchObject({ ok: true, executionId: first.executionId });
  expect(await call(await openSession())).toMatchObject({ ok: false, error: { code: "CONFLICT" } });
});

test("what was filled in makes no call invalid that is valid as it was given", async () => {
  const either = z
    .object({ image: z.string().optional(), text: z.string().optional() })
    .refine(({ image, text }) => (image === undefined) !== (text === undefined), "give one of image and text");
  const { runtime, openSession, share } = await contextRig([
    push({
      input: either,
      consumes: [{ type: "image", fills: { image: "reference" } }],
      run: (given) => Promise.resolve({ text: JSON.stringify(given) }),
    }),
  ]);
  const sessionId = await openSession();
  await share(sessionId, "app:1");
  const call = (given: object) => runtime.execute({ tool: "push_image", input: { sessionId, ...given } });
  expect(await call({})).toMatchObject({ ok: true, result: { text: '{"image":"app:1"}' } });
  const other = await call({ text: "a" });
  expect(other).toMatchObject({ ok: true, result: { text: '{"text":"a"}' } });
  expect(other.context?.used).toBeUndefined();
});

test("what was masked when it was kept fills nothing", async () => {
  const { runtime, openSession, share } = await contextRig([push(), build]);
  const sessionId = await openSession();
  await share(sessionId, "app:1", { context: "https://me:hunter2-hunter2@example.com/app" });
  expect(await runtime.execute({ tool: "push_image", input: { sessionId } })).toMatchObject({
    ok: true,
    result: { text: "app:1 undefined" },
  });
});

test("what is older does not stand for what could not be kept, until something newer is kept", async () => {
  let isFull = false;
  const making = tool({
    name: "build_image",
    produces: [{ type: "image", from: ({ text }) => [{ key: String(text), value: { reference: text } }] }],
  });
  const either = push({
    consumes: [
      { type: "image", fills: { image: "reference" } },
      { type: "analysis", fills: { image: "path" } },
    ],
  });
  const { runtime, openSession, context } = await contextRig([either, making], {}, (store) => ({
    share: (entry) => (isFull ? Promise.reject(new Error("store full")) : store.share(entry)),
  }));
  const sessionId = await openSession();
  const make = (text: string) => runtime.execute({ tool: "build_image", input: { sessionId, text } });
  const send = () => runtime.execute({ tool: "push_image", input: { sessionId } });
  await make("app:1");
  const producer = { tool: "analyze_it", executionId: "e" };
  await context.share({ sessionId, type: "analysis", key: "a", value: { path: "a" }, producer });
  isFull = true;
  expect((await make("app:2")).context?.problems).toHaveLength(1);
  expect(await send()).toMatchObject({
    error: { details: { issues: [{ message: "is missing: give it, because the last image could not be kept" }] } },
  });
  isFull = false;
  await make("app:3");
  expect(await send()).toMatchObject({ ok: true, result: { text: "app:3 undefined" } });
  expect((await context.query({ sessionId, type: "image" })).map(({ key }) => key)).toEqual(["app:3", "app:1"]);
});

test("a tool that makes of its own kind is not named as the way to the first one", async () => {
  const retag = push({ produces: [{ type: "image", from: () => [] }] });
  const { runtime, openSession } = await contextRig([retag]);
  expect(await runtime.execute({ tool: "push_image", input: { sessionId: await openSession() } })).toMatchObject({
    error: { details: { issues: [{ path: "image", message: "is missing: give it" }] } },
  });
});

test("a store that cannot be read is not taken for one that knows nothing, and costs no call that needs it not", async () => {
  let asked = 0;
  const { runtime, openSession } = await contextRig([push(), build], {}, () => ({
    query: () => ((asked += 1), Promise.reject(new Error("disk on fire"))),
  }));
  const sessionId = await openSession();
  expect(await runtime.execute({ tool: "push_image", input: { sessionId } })).toMatchObject({
    ok: false,
    error: { code: "INTERNAL", message: "disk on fire" },
  });
  expect(asked).toBe(1);
  const given = { sessionId, image: "a", context: "b" };
  expect(await runtime.execute({ tool: "push_image", input: given })).toMatchObject({ ok: true });
});

test("a store that hangs holds a call that leaves something out for five seconds, and says what is wrong", async () => {
  const { runtime, openSession } = await contextRig([push(), build], {}, () => ({ query: forever }));
  const sessionId = await openSession();
  vi.useFakeTimers();
  const outcome = runtime.execute({ tool: "push_image", input: { sessionId } });
  await vi.advanceTimersByTimeAsync(5_100);
  expect(await outcome).toMatchObject({
    ok: false,
    error: { code: "TOOL_TIMEOUT", remedy: expect.stringContaining("container-kit doctor") },
  });
});

test("arguments that may be left out are optional to a client, and only where entries are kept", async () => {
  const { runtime } = await contextRig([push()]);
  const [listing] = runtime.list();
  expect(listing?.inputSchema["required"]).toBeUndefined();
  expect(listing?.inputSchema["properties"]).toMatchObject({
    image: { type: "string", description: "default: the session's last image" },
  });
  expect(listing).toMatchObject({ consumes: ["image"], produces: [] });
  expect(rig([push()]).runtime.list()[0]?.inputSchema["required"]).toEqual(["image"]);
});

test("a type that nobody defines is refused with the nearest that somebody does", async () => {
  const wrong = push({ consumes: [{ type: "imagge", fills: { image: "reference" } }] });
  await expect(contextRig([wrong])).rejects.toMatchObject({
    code: "PLUGIN_INVALID",
    message: expect.stringContaining("imagge"),
    remedy: expect.stringContaining("image"),
  });
});
