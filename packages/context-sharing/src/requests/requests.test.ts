import { array, assert, double, integer, property, record } from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { nextPause } from "./next-pause.ts";
import { createRequests } from "./requests.ts";
import type { Reply, Send, ToolRequest } from "./types.ts";

const request: ToolRequest = { tool: "copy_text", input: {}, sessionId: "s1", correlationId: "c1", parent: "e1" };
const transient = (details?: Readonly<Record<string, unknown>>): Reply => ({
  ok: false,
  error: {
    code: "ENGINE_UNAVAILABLE",
    message: "away",
    retryable: true,
    ...(details === undefined ? {} : { details }),
  },
});
const final: Reply = { ok: false, error: { code: "NOT_FOUND", message: "gone", retryable: false } };
const fast = { firstPauseMs: 1, longestPauseMs: 2 };

/** Replies in turn, and counts. */
function sender(...replies: Reply[]): { send: Send<Reply>; attempts: number[] } {
  const attempts: number[] = [];
  return {
    attempts,
    send(_request, { number }) {
      attempts.push(number);
      return Promise.resolve(replies[Math.min(number, replies.length) - 1] ?? final);
    },
  };
}

test("what a retry may help is asked again until it succeeds", async () => {
  const { send, attempts } = sender(transient(), transient(), { ok: true });
  expect(await createRequests({ send }).request(request, fast)).toEqual({ ok: true });
  expect(attempts).toEqual([1, 2, 3]);
});

test("what no retry helps is the answer at once", async () => {
  const { send, attempts } = sender(final);
  expect(await createRequests({ send }).request(request, fast)).toBe(final);
  expect(attempts).toEqual([1]);
});

test("after the last attempt its reply is the answer", async () => {
  const reply = transient();
  const { send, attempts } = sender(reply);
  expect(await createRequests({ send }).request(request, { ...fast, attempts: 3 })).toBe(reply);
  expect(attempts).toEqual([1, 2, 3]);
});

test("a pause that the reply asks for is heeded, and one beyond the deadline is not begun", async () => {
  const { send, attempts } = sender(transient({ retryAfterMs: 5_000 }), { ok: true });
  const reply = await createRequests({ send }).request(request, { ...fast, deadlineMs: 1_000 });
  expect(reply).toMatchObject({ ok: false, error: { code: "ENGINE_UNAVAILABLE" } });
  expect(attempts).toEqual([1]);

  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const asked = createRequests({ send, clock: () => 0 }).request(request, { ...fast, deadlineMs: 60_000 });
  await vi.advanceTimersByTimeAsync(4_999);
  expect(attempts).toHaveLength(2);
  // And spread: all who were refused together would come back together.
  await vi.advanceTimersByTimeAsync(3);
  expect(await asked).toEqual({ ok: true });
  expect(vi.getTimerCount()).toBe(0);
});

test("a refusal that reached no tool is no attempt", async () => {
  const refused = (code: string): Reply => ({ ok: false, error: { code, message: "not now", retryable: true } });
  const { send, attempts } = sender(refused("OVERLOADED"), refused("CIRCUIT_OPEN"), transient(), { ok: true });
  expect(await createRequests({ send }).request(request, { ...fast, attempts: 2 })).toEqual({ ok: true });
  expect(attempts).toEqual([1, 2, 3, 4]);
});

test("a request without an end in sight still waits as long as it is asked to", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const { send, attempts } = sender(transient({ retryAfterMs: 2 ** 40 }), { ok: true });
  const asked = createRequests({ send, clock: () => 0 }).request(request, { deadlineMs: Infinity });
  await vi.advanceTimersByTimeAsync(100);
  expect(attempts).toEqual([1]);
  expect(await asked).toMatchObject({ ok: false, error: { code: "ENGINE_UNAVAILABLE" } });
  expect(vi.getTimerCount()).toBe(0);
});

test("a pause without an end is longer than any deadline, and is not begun", async () => {
  const { send, attempts } = sender(transient(), { ok: true });
  const endless = { firstPauseMs: Infinity, longestPauseMs: Infinity };
  expect(await createRequests({ send }).request(request, endless)).toMatchObject({ ok: false });
  expect(attempts).toEqual([1]);
});

test("options that are no numbers above zero are refused, each by its name", async () => {
  const requests = createRequests({ send: sender().send });
  for (const value of [0, -1, Number.NaN, "3"])
    await expect(requests.request(request, { attempts: value as number })).rejects.toThrow("expected attempts");
});

test("an attempt that heeds no signal holds no request past its deadline", async () => {
  let told: AbortSignal | undefined;
  const send: Send<Reply> = (_request, { signal }) => {
    told = signal;
    return new Promise(() => undefined);
  };
  const asked = createRequests({ send }).request(request, { deadlineMs: 20 });
  await expect(asked).rejects.toMatchObject({ code: "TOOL_TIMEOUT", retryable: true });
  expect(told?.aborted).toBe(true);
});

test("the asker's signal ends a request at once: with the last reply, or as cancelled where there was none", async () => {
  const stop = new AbortController();
  const { send } = sender(transient());
  const paused = createRequests({ send, random: () => 0 }).request(request, {
    firstPauseMs: 30_000,
    longestPauseMs: 30_000,
    signal: stop.signal,
  });
  const hanging = createRequests({ send: () => new Promise<Reply>(() => undefined) }).request(request, {
    signal: stop.signal,
  });
  await new Promise(setImmediate);
  stop.abort();
  expect(await paused).toMatchObject({ ok: false, error: { code: "ENGINE_UNAVAILABLE" } });
  await expect(hanging).rejects.toMatchObject({ code: "CANCELLED" });
  const never = vi.fn();
  await expect(createRequests({ send: never }).request(request, { signal: stop.signal })).rejects.toMatchObject({
    code: "CANCELLED",
  });
  expect(never).not.toHaveBeenCalled();
});

test("pauses stay within their bounds, whatever chance says", () => {
  const chance = double({ min: 0, max: 0.999_999, noNaN: true });
  const pauses = record({
    firstPauseMs: integer({ min: 1, max: 1_000 }),
    over: integer({ min: 0, max: 60_000 }),
  });
  assert(
    property(pauses, array(chance, { minLength: 1, maxLength: 20 }), ({ firstPauseMs, over }, chances) => {
      const plan = { firstPauseMs, longestPauseMs: firstPauseMs + over };
      let pause = 0;
      for (const value of chances) {
        pause = nextPause(plan, pause, () => value);
        expect(pause).toBeGreaterThanOrEqual(firstPauseMs);
        expect(pause).toBeLessThanOrEqual(plan.longestPauseMs);
      }
    }),
  );
});

test("of requests under transient faults more than 99% succeed, and the rest end with a typed error", async () => {
  let faults = 0;
  let seed = 42;
  // A fixed sequence, so that the test says the same each time.
  const chance = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const send: Send<Reply> = () => {
    if (chance() >= 0.2) return Promise.resolve({ ok: true });
    faults += 1;
    return Promise.resolve(transient());
  };
  const requests = createRequests({ send, random: () => 0 });
  const replies = await Promise.all(Array.from({ length: 2_000 }, () => requests.request(request, fast)));
  expect(faults).toBeGreaterThan(300);
  expect(replies.filter(({ ok }) => ok).length).toBeGreaterThan(1_980);
  for (const reply of replies) if (!reply.ok) expect(reply.error.code).toBe("ENGINE_UNAVAILABLE");
});
