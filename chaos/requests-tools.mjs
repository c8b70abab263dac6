/** Tools for the proof of requests: one that asks for many parts, and one that gives a part, or fails as it is told to. */
import { setTimeout as sleep } from "node:timers/promises";
import { loadErrors, loadRuntime, z } from "./store-parts.mjs";

const { defineTool } = await loadRuntime();
const { defineErrors } = await loadErrors();

/** What the given tool depends on: so many circuits. */
export const TARGETS = 8;
const LANES = 8;
/** Those that never reply are asked with a short deadline. */
const SHORT_MS = 1500;
const BURST_MS = 400;

const passes = (category) => ({
  category,
  summary: "It fails now and then.",
  remedy: "Call again.",
  retryable: true,
  fault: "environment",
});
const fail = defineErrors({
  ENGINE_UNAVAILABLE: passes("engine"),
  ENGINE_TIMEOUT: passes("engine"),
  REGISTRY_UNAVAILABLE: passes("registry"),
  REGISTRY_RATE_LIMITED: passes("registry"),
  AUTH_FAILED: { ...passes("registry"), retryable: false, remedy: "Sign in." },
});

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };

/**
 * What happens to the given tool: one call in ten meets a fault that passes, now and then a whole target is gone for a
 * while, a few requests always fail, and a few are never replied to.
 *
 * @param isCircuitOpen whether a target's circuit is open: a burst does not end before, however slow the machine is
 */
export function createFaults(random, total, isCircuitOpen) {
  const counts = new Map();
  const downUntil = new Map();
  const unopened = new Set();
  const bursts = new Set(
    Array.from({ length: Math.max(1, Math.floor(total / 15_000)) }, () => random.below(total / 2)),
  );
  const hit = (what, fault) => {
    counts.set(what, (counts.get(what) ?? 0) + 1);
    return fault;
  };
  const transient = () => {
    const code = random.pick(["ENGINE_UNAVAILABLE", "ENGINE_TIMEOUT", "REGISTRY_UNAVAILABLE"]);
    const kind = random.below(5);
    if (kind === 0)
      return hit("told when to come back", { code: "REGISTRY_RATE_LIMITED", retryAfterMs: 50 + random.below(200) });
    if (kind === 1) return hit("slow and failed", { code, ms: 50 + random.below(250) });
    if (kind === 2) return hit("slow", { ms: 50 + random.below(250) });
    return hit("failed", { code });
  };
  return {
    /** What is to happen to one call. */
    next(number, target) {
      if (bursts.delete(number)) {
        downUntil.set(target, performance.now() + BURST_MS);
        unopened.add(target);
      }
      if (isWithoutReply(number)) return hit("without a reply", { hangs: true });
      if (number % 1000 === 500) return hit("for good", { code: "AUTH_FAILED" });
      if (number % 1000 === 700) return hit("for good", { code: "ENGINE_UNAVAILABLE" });
      if (unopened.has(target) && isCircuitOpen(target)) unopened.delete(target);
      if (performance.now() < (downUntil.get(target) ?? 0) || unopened.has(target))
        return hit("in a burst", { code: "REGISTRY_UNAVAILABLE" });
      return random.below(10) === 0 ? transient() : {};
    },
    fired: () => [...counts.values()].reduce((sum, some) => sum + some, 0),
    told: () => [...counts].map(([what, some]) => `${some} ${what}`).join(", "),
  };
}

const isWithoutReply = (number) => number % 5000 === 900;

export const askingTool = () =>
  defineTool({
    name: "ask_parts",
    title: "Ask for parts",
    description: "Asks for so many parts.",
    toolset: "server",
    deadlineMs: 30 * 60_000,
    input: z.object({ from: z.number(), count: z.number() }),
    output: z.object({
      replies: z.array(
        z.object({ number: z.number(), code: z.string().nullable(), remedy: z.string().nullable(), ms: z.number() }),
      ),
    }),
    annotations,
    async run({ from, count }, context) {
      const numbers = Array.from({ length: count }, (_, at) => from + at);
      const replies = [];
      const lane = async () => {
        for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
          const begun = performance.now();
          const outcome = await context.request(
            "give_part",
            { number, target: `target-${number % TARGETS}` },
            isWithoutReply(number) ? { deadlineMs: SHORT_MS } : {},
          );
          const { code = null, remedy = null } = outcome.ok ? {} : outcome.error;
          replies.push({ number, code, remedy, ms: performance.now() - begun });
        }
      };
      await Promise.all(Array.from({ length: LANES }, lane));
      return { replies };
    },
  });

export const askedTool = (faults) =>
  defineTool({
    name: "give_part",
    title: "Give a part",
    description: "Gives one part.",
    toolset: "server",
    input: z.object({ number: z.number(), target: z.string() }),
    output: z.object({ number: z.number() }),
    annotations,
    target: ({ target }) => target,
    async run({ number, target }) {
      const { code = null, ms = 0, hangs = false, retryAfterMs } = faults.next(number, target);
      if (hangs)
        await new Promise(() => {
          // Ignores its signal, as a broken tool does.
        });
      if (ms > 0) await sleep(ms);
      if (code === null) return { number };
      throw fail(code, `a fault for ${target}`, retryAfterMs === undefined ? {} : { details: { retryAfterMs } });
    },
  });
