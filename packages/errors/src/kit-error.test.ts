import { expect, test } from "vitest";
import { commonErrors, defineErrors, isKitError, toErrorResult } from "./index.ts";

const fail = defineErrors({
  ...commonErrors,
  IMAGE_NOT_FOUND: {
    category: "registry",
    summary: "No such image.",
    remedy: "Check the reference.",
    retryable: false,
    fault: "caller",
  },
});

test("an error carries its table's remedy, its cause and the values of the occasion", () => {
  const cause = new Error("404");
  const error = fail("IMAGE_NOT_FOUND", "app:1 is not in r:5000", { cause, details: { reference: "app:1" } });
  expect(error).toMatchObject({
    code: "IMAGE_NOT_FOUND",
    category: "registry",
    remedy: "Check the reference.",
    retryable: false,
    fault: "caller",
    details: { reference: "app:1" },
  });
  expect(error.cause).toBe(cause);
});

test("a more exact remedy replaces the table's", () => {
  expect(fail("NOT_FOUND", "x", { remedy: "Do y." }).remedy).toBe("Do y.");
});

test("the brand is recognised on an error that another copy of this package made", () => {
  const foreign = Object.assign(new Error("x"), { code: "CONFLICT", [Symbol.for("container-kit.error")]: true });
  expect(isKitError(foreign)).toBe(true);
  expect(isKitError(foreign, "CONFLICT")).toBe(true);
  expect(isKitError(foreign, "INTERNAL")).toBe(false);
  expect(isKitError(new Error("x"))).toBe(false);
  expect(isKitError(undefined)).toBe(false);
});

test("a code outside the table is a mistake of ours and said so", () => {
  // @ts-expect-error -- the compiler refuses it too
  expect(() => fail("NO_SUCH_CODE", "x")).toThrow(TypeError);
});

test("a foreign error becomes INTERNAL and keeps its message", () => {
  expect(toErrorResult(new RangeError("too big"))).toMatchObject({
    code: "INTERNAL",
    message: "too big",
    retryable: false,
  });
  expect(toErrorResult("just text")).toMatchObject({ code: "INTERNAL", message: "just text" });
  expect(toErrorResult({})).toMatchObject({ code: "INTERNAL" });
});

test("a result holds only what the error has", () => {
  const result = toErrorResult(fail("NOT_FOUND", "no ./x", { stage: "read", logTail: "tail" }));
  expect(result).toEqual({
    code: "NOT_FOUND",
    category: "input",
    message: "no ./x",
    retryable: false,
    remedy: commonErrors.NOT_FOUND.remedy,
    stage: "read",
    logTail: "tail",
  });
});
