import * as fc from "fast-check";
import { expect, test } from "vitest";
import { executionIdOf, ExecutionSequence, isExecutionId, newJobId, newSessionId } from "./ids.ts";

test("ids of sessions and jobs are 128 random bits", () => {
  expect(newSessionId()).toMatch(/^ses_[0-9a-f]{32}$/);
  expect(newJobId()).toMatch(/^job_[0-9a-f]{32}$/);
  expect(new Set(Array.from({ length: 1000 }, newSessionId)).size).toBe(1000);
});

test("ids of executions rise within a process, whatever the clock does, and differ between processes", () => {
  const clock = fc.integer({ min: 0, max: Date.UTC(2300, 0) });
  fc.assert(
    fc.property(
      fc.array(clock, { minLength: 2, maxLength: 50 }),
      fc.nat({ max: 99_999 }),
      fc.nat({ max: 99_999 }),
      (times, one, two) => {
        fc.pre(one !== two);
        const [first, second] = [new ExecutionSequence(), new ExecutionSequence()];
        const ids = times.map((now) => first.next(now, one));
        expect(ids.toSorted()).toEqual(ids);
        expect(new Set([...ids, ...times.map((now) => second.next(now, two))]).size).toBe(times.length * 2);
        expect(ids.every(isExecutionId)).toBe(true);
      },
    ),
  );
});

test("ids sort by time between processes and among those of the first schema", () => {
  const moment = Date.UTC(2026, 0, 1);
  const old = executionIdOf(moment * 1000);
  const made = [moment - 1, moment, moment + 1].map((now, owner) => new ExecutionSequence().next(now, 99 - owner));
  expect([old, ...made].toSorted()).toEqual([made[0], old, made[1], made[2]]);
});

test.each(["", "exe_", "job_1", "exe_1;drop", "exe_zzzzzzzzzzzzzzzzzzzzzzzzz"])("%j is no execution's id", (id) => {
  expect(isExecutionId(id)).toBe(false);
});
