import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aborted, expectNoTimers, forever, rig, running } from "../../test/rig.ts";
import type { ToolContext, ToolDefinition } from "../index.ts";
import { deferred } from "../internal/deferred.ts";

const call = { tool: "copy_text", input: { text: "hello" } };

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A tool that makes two things and then does what the test says; what it made can be undone. */
function making(then: (context: ToolContext) => Promise<unknown>, changes: Partial<ToolDefinition> = {}) {
  const world = new Set<string>();
  const undone: unknown[][] = [];
  const definition = running(
    async (_input, context) => {
      for (const name of ["one", "two"]) {
        await context.willMake({ name });
        world.add(name);
      }
      await then(context);
      return { text: "done" };
    },
    {
      undo(notes) {
        undone.push([...notes]);
        for (const note of notes) world.delete((note as { name: string }).name);
        return Promise.resolve();
      },
      ...changes,
    },
  );
  return { ...rig([definition]), world, undone };
}

const throwing = () => {
  throw new Error("cannot");
};
const boom = () => Promise.reject(new Error("boom"));

test("a note is kept before its effect, and what failed is undone, newest first, before the caller is answered", async () => {
  const { runtime, sessions, world, undone } = making(() => {
    expect(sessions.notes.get("e1")).toEqual([{ name: "two" }, { name: "one" }]);
    return boom();
  });
  expect(await runtime.execute(call)).toMatchObject({
    ok: false,
    error: { code: "INTERNAL", message: "boom", details: { undo: { undone: true } } },
  });
  expect(undone).toEqual([[{ name: "two" }, { name: "one" }]]);
  expect([...world]).toEqual([]);
  expect(sessions.notes.size).toBe(0);
});

test("a success keeps what it made, and its notes are gone before it is answered", async () => {
  const { runtime, sessions, world, undone } = making(() => Promise.resolve());
  const order: string[] = [];
  const { endExecution, clearUndo } = sessions;
  sessions.endExecution = async (...end) => (await endExecution(...end), void order.push("ended"));
  sessions.clearUndo = async (id) => (await clearUndo(id), void order.push("forgotten"));
  expect(await runtime.execute(call)).toMatchObject({ ok: true });
  expect(order).toEqual(["ended", "forgotten"]);
  expect([...world]).toEqual(["one", "two"]);
  expect(undone).toEqual([]);
});

test("under an idempotency key the notes are forgotten in the turn in which the key is settled", async () => {
  const { runtime, sessions } = making(() => Promise.resolve());
  let turn: string[] = [];
  const turns: string[][] = [];
  const note = (what: string) => {
    if (turn.length === 0) queueMicrotask(() => void (turns.push(turn), (turn = [])));
    turn.push(what);
  };
  const { settleIdempotencyKey, clearUndo } = sessions;
  sessions.settleIdempotencyKey = (...settled) => (note("settle"), settleIdempotencyKey(...settled));
  sessions.clearUndo = (id) => (note("clear"), clearUndo(id));
  await runtime.execute({ ...call, input: { ...call.input, idempotencyKey: "k" } });
  expect(turns.map((together) => together.toSorted())).toEqual([["clear", "settle"]]);
});

test("a cancelled tool is undone by an undo that the cancellation does not reach", async () => {
  let signalOfUndo: AbortSignal | undefined;
  const { runtime } = making(({ signal }) => aborted(signal).then(boom), {
    undo: (_notes, { signal }) => {
      signalOfUndo = signal;
      return Promise.resolve();
    },
  });
  const controller = new AbortController();
  const outcome = runtime.execute({ ...call, signal: controller.signal });
  await vi.advanceTimersByTimeAsync(10);
  controller.abort();
  expect(await outcome).toMatchObject({ error: { code: "CANCELLED", details: { undo: { undone: true } } } });
  expect(signalOfUndo?.aborted).toBe(false);
});

test("a tool that does not stop is undone once it has, whatever it brings then, and its key is free only after that", async () => {
  const late = deferred<undefined>();
  const { runtime, world } = making(() => late.promise, { deadlineMs: 100 });
  const keyed = { ...call, input: { ...call.input, idempotencyKey: "k" } };
  const outcome = runtime.execute(keyed);
  await vi.advanceTimersByTimeAsync(1_200);
  expect(await outcome).toMatchObject({
    error: { code: "TOOL_TIMEOUT", details: { stopped: false, undo: { undone: false } } },
  });
  expect([...world]).toEqual(["one", "two"]);
  expect(await runtime.execute(keyed)).toMatchObject({ error: { code: "CONFLICT" } });
  late.resolve(undefined);
  await vi.advanceTimersByTimeAsync(1);
  expect([...world]).toEqual([]);
  expect(await runtime.execute(keyed)).toMatchObject({ ok: true });
});

test.each<[string, ToolDefinition["undo"], RegExp]>([
  ["throws", throwing, /^cannot$/],
  ["rejects with a secret", () => Promise.reject(new Error("TOKEN=hunter22")), /^TOKEN=\[redacted\]$/],
  ["never settles", () => forever(), /^it is still being undone$/],
])(
  "an undo that %s is told, logged and counted, and what it should have undone is kept for a later start",
  async (_what, undo, problem) => {
    const { runtime, sessions, log } = making(boom, { undo: undo as NonNullable<typeof undo> });
    const outcome = runtime.execute({ ...call, mayDetach: false });
    await vi.advanceTimersByTimeAsync(31_000);
    expect(await outcome).toMatchObject({
      error: { code: "INTERNAL", details: { undo: { undone: false, problem: expect.stringMatching(problem) } } },
    });
    expect(sessions.undoFailures.get("e1")).toBe(1);
    expect(sessions.notes.get("e1")).toHaveLength(2);
    expect(log).toContainEqual(
      expect.objectContaining({ level: "error", message: "what a tool made could not be undone" }),
    );
    expectNoTimers();
  },
);

test("who waits for an undoing is answered after five seconds, and the key is free when it has ended", async () => {
  const undone = deferred<void>();
  const { runtime, sessions } = making(boom, { undo: () => undone.promise });
  const keyed = { ...call, input: { ...call.input, idempotencyKey: "k" } };
  const outcome = runtime.execute(keyed);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await outcome).toMatchObject({ error: { message: "boom", details: { undo: { undone: false } } } });
  expect(await runtime.execute(keyed)).toMatchObject({ error: { code: "CONFLICT" } });
  undone.resolve();
  await vi.advanceTimersByTimeAsync(1);
  expect(sessions.notes.size).toBe(0);
  expect(sessions.keys.size).toBe(0);
});

test("an undo in plain JavaScript that returns nothing has undone", async () => {
  const { runtime, sessions } = making(boom, { undo: (() => {}) as unknown as NonNullable<ToolDefinition["undo"]> });
  expect(await runtime.execute(call)).toMatchObject({ error: { details: { undo: { undone: true } } } });
  expect(sessions.undoFailures.size).toBe(0);
});

test("a note that the tool did not wait for is undone with the others, or forgotten with them", async () => {
  for (const then of [boom, () => Promise.resolve()]) {
    const { runtime, sessions, undone } = making(async ({ willMake }) => {
      willMake({ name: "three" }).catch(() => {});
      await then();
    });
    const { noteUndo } = sessions;
    sessions.noteUndo = async (...note) => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      await noteUndo(...note);
    };
    const outcome = runtime.execute(call);
    await vi.advanceTimersByTimeAsync(100);
    expect(undone.flat()).toHaveLength((await outcome).ok ? 0 : 3);
    expect(sessions.notes.size).toBe(0);
  }
});

test("a tool without undo cannot announce anything, nor one a note that is not plain JSON, nor anybody in a dry run", async () => {
  const announce = (note: unknown) => (_input: unknown, context: ToolContext) =>
    context.willMake(note).then(() => ({ text: "" }));
  const undo = () => Promise.resolve();
  for (const [definition, input] of [
    [running(announce({})), {}],
    [running(announce({ made: new Map() }), { undo }), {}],
    [running(announce({}), { undo }), { dryRun: true }],
  ] as const) {
    const { runtime, sessions } = rig([definition]);
    const outcome = await runtime.execute({ ...call, input: { ...call.input, ...input } });
    expect(outcome).toMatchObject({ ok: false, error: { code: "INTERNAL" } });
    expect(sessions.notes.size).toBe(0);
  }
});

test("where a note cannot be kept its effect does not happen", async () => {
  const { runtime, sessions, world } = making(() => Promise.resolve());
  sessions.noteUndo = () => Promise.reject(new Error("disk full"));
  expect(await runtime.execute(call)).toMatchObject({ ok: false, error: { message: "disk full" } });
  expect([...world]).toEqual([]);
});

test("what was stopped announces nothing any more", async () => {
  const { runtime, world } = making(async ({ signal, willMake }) => {
    await aborted(signal);
    await willMake({ name: "three" });
    world.add("three");
  });
  const controller = new AbortController();
  const outcome = runtime.execute({ ...call, signal: controller.signal });
  await vi.advanceTimersByTimeAsync(10);
  controller.abort();
  expect(await outcome).toMatchObject({ error: { code: "CANCELLED" } });
  expect([...world]).toEqual([]);
});

test("cancelled at fifty moments, a tool is done with all that it made, or failed with nothing of it", async () => {
  const endings = new Set<boolean>();
  for (let moment = 0; moment < 50; moment++) {
    const { runtime, sessions, world } = making(async ({ signal }) => {
      for (let step = 0; step < 10; step++) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        signal.throwIfAborted();
      }
      await new Promise((resolve) => setTimeout(resolve, 3));
    });
    const controller = new AbortController();
    setTimeout(() => controller.abort(), moment / 2);
    const outcome = runtime.execute({ ...call, signal: controller.signal });
    await vi.advanceTimersByTimeAsync(100);
    const { ok } = await outcome;
    endings.add(ok);
    expect([...world], `cancelled at ${moment / 2} ms`).toEqual(ok ? ["one", "two"] : []);
    expect(sessions.notes.size).toBe(0);
  }
  expect(endings.size).toBe(2);
});

test("a dry run is the tool's own where it has one", async () => {
  const { runtime, world } = making(boom, { dryRun: () => Promise.resolve({ text: "would make two things" }) });
  expect(await runtime.execute({ ...call, input: { ...call.input, dryRun: true } })).toMatchObject({
    ok: true,
    dryRun: true,
    result: { text: "would make two things" },
  });
  expect([...world]).toEqual([]);
});
