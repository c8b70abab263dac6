import { expect, test } from "vitest";
import { ExecutionSequence, newJobId, newSessionId, parseExecutionId, toExecutionId } from "./ids.ts";

test("ids of sessions and jobs are 128 random bits", () => {
  expect(newSessionId()).toMatch(/^ses_[0-9a-f]{32}$/);
  expect(newJobId()).toMatch(/^job_[0-9a-f]{32}$/);
  expect(new Set(Array.from({ length: 1000 }, newSessionId)).size).toBe(1000);
});

test("keys of executions rise also when the clock stands still or goes back", () => {
  const sequence = new ExecutionSequence();
  const keys = [5, 5, 3, 6].map((now) => sequence.next(now));
  expect(keys).toEqual([5000, 5001, 5002, 6000]);
  expect(sequence.last).toBe(6000);
});

test("an execution's id leads back to its key", () => {
  const seq = Date.UTC(2200, 0) * 1000;
  expect(parseExecutionId(toExecutionId(seq))).toBe(seq);
});

test.each(["", "exe_", "job_1", "exe_1;drop", "exe_zzzzzzzzzzzz"])("%j is no execution's id", (id) => {
  expect(() => parseExecutionId(id)).toThrow(TypeError);
});
