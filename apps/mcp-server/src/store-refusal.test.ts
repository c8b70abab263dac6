import { expect, test } from "vitest";
import { toRefusal } from "./store-refusal.ts";

const refusalOf = (thrown: unknown): unknown => {
  try {
    return toRefusal(thrown);
  } catch (error) {
    return error;
  }
};

test("a native part that was built for another Node is told with what to do, not as a mistake of ours", () => {
  const cause = Object.assign(new Error("NODE_MODULE_VERSION 115"), { code: "ERR_DLOPEN_FAILED" });
  expect(refusalOf(cause)).toMatchObject({
    code: "UNSUPPORTED",
    message: expect.stringContaining(process.version),
    remedy: expect.stringContaining("Install container-kit again with this Node"),
    cause,
  });
});

test("what is not known is thrown as it is", () => {
  for (const thrown of [new Error("x"), null, undefined, "text"]) expect(refusalOf(thrown)).toBe(thrown);
});
