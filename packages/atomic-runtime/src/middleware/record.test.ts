import { defineErrors } from "@container-kit/errors";
import { expect, test, vi } from "vitest";
import { rig, running, tool } from "../../test/rig.ts";

const fail = defineErrors({
  STORE_FULL: {
    category: "session",
    summary: "The disk is full.",
    remedy: "Free space and call again.",
    retryable: false,
    fault: "environment",
  },
});
const call = { tool: "copy_text", input: { text: "hello" } };

test("where the record cannot begin there is no effect", async () => {
  const run = vi.fn();
  const { runtime, sessions } = rig([tool({ run })]);
  sessions.startExecution = () => Promise.reject(fail("STORE_FULL", "no space in the store"));
  expect(await runtime.execute(call)).toMatchObject({
    ok: false,
    sessionId: "s1",
    executionId: "",
    error: { code: "STORE_FULL", message: "no space in the store" },
  });
  expect(run).not.toHaveBeenCalled();
});

test("a success that cannot be recorded is not acknowledged, and that the effect happened is said with its result", async () => {
  const { runtime, sessions } = rig([tool()]);
  sessions.endExecution = () => Promise.reject(fail("STORE_FULL", "no space in the store"));
  expect(await runtime.execute(call)).toMatchObject({
    ok: false,
    executionId: "e1",
    error: {
      code: "STORE_FULL",
      message: "copy_text did its work, but that could not be recorded: no space in the store",
      remedy: "Free space and call again.",
      details: { effect: "happened", result: { text: "hello" } },
    },
  });
});

test("a failure that cannot be recorded is answered as it was, and logged", async () => {
  const { runtime, sessions, log } = rig([running(() => Promise.reject(new Error("boom")))]);
  sessions.endExecution = () => Promise.reject(new Error("disk on fire"));
  expect(await runtime.execute(call)).toMatchObject({ ok: false, error: { code: "INTERNAL", message: "boom" } });
  expect(log).toContainEqual(
    expect.objectContaining({ level: "error", message: "the end of a tool call could not be recorded" }),
  );
});

test("a store that cannot open a session fails the call with every field of an outcome", async () => {
  const { runtime, sessions } = rig([tool()]);
  sessions.openSession = () => Promise.reject(fail("STORE_FULL", "no space in the store"));
  expect(await runtime.execute({ ...call, correlationId: "c1" })).toEqual({
    ok: false,
    tool: "copy_text",
    sessionId: "",
    executionId: "",
    correlationId: "c1",
    durationMs: expect.any(Number),
    error: expect.objectContaining({ code: "STORE_FULL" }),
  });
});
