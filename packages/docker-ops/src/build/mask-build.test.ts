import { inspect } from "node:util";
import { expect, test } from "vitest";
import { createRedactor, MASK } from "@container-kit/observability";
import { fail } from "../errors.ts";
import { maskError, maskObserver } from "./mask-build.ts";
import { observeClassic } from "./observe-classic.ts";

const CANARY = "CANARYVALUE123";

function redactor() {
  const made = createRedactor({ announcedOnly: true });
  made.learn(CANARY);
  return made;
}

test("all that an observer gives out is masked, and what only looks like a secret is not", () => {
  const lines: string[] = [];
  const observer = maskObserver(observeClassic({ onLog: (line) => lines.push(line) }), redactor());
  const progress = observer.observe({
    stream: `Step 1/1 : RUN NPM_TOKEN=$X echo ${CANARY}\n ---> Running in 1\nit is ${CANARY}\n`,
  });
  const instruction = `RUN NPM_TOKEN=$X echo ${MASK}`;
  expect(progress.map(({ message }) => message)).toContain(instruction);
  expect(observer.steps()).toMatchObject([{ instruction }]);
  expect(observer.failedStep()).toBe(instruction);
  expect(observer.logTail()).toContain(`it is ${MASK}`);
  expect(JSON.stringify(progress)).not.toContain(CANARY);
});

test("an error is masked in its message, details, log and causes", () => {
  const cause = new Error(`outer ${CANARY}`, { cause: fail("ENGINE_ERROR", `inner ${CANARY}`) });
  const error = fail("BUILD_FAILED", `at RUN echo ${CANARY}`, {
    cause,
    stage: "build",
    details: { step: `RUN echo ${CANARY}`, line: 3 },
    logTail: `${CANARY}\nend`,
  });
  const masked = maskError(error, redactor());
  expect(masked).toMatchObject({
    code: "BUILD_FAILED",
    message: `at RUN echo ${MASK}`,
    stage: "build",
    details: { step: `RUN echo ${MASK}`, line: 3 },
    logTail: `${MASK}\nend`,
    cause: { message: `outer ${MASK}`, cause: { code: "ENGINE_ERROR", message: `inner ${MASK}` } },
  });
  expect(inspect(masked, { depth: 9 })).not.toContain(CANARY);
});

test("an error without a secret in it stays the one that it is", () => {
  const error = fail("BUILD_FAILED", "PASSWORD=x", { cause: new Error("y"), details: { token: "t" } });
  expect(maskError(error, redactor())).toBe(error);
  const theirs = new Error(CANARY);
  expect(maskError(theirs, redactor())).toBe(theirs);
});
