import { describe, expect, test } from "vitest";
import { readLimit, withDeadline } from "./deadline.ts";

describe("a limit", () => {
  test.each([Number.POSITIVE_INFINITY, 2 ** 40])(
    "of %d stands for none, and no timer overflows",
    async (deadlineMs) => {
      const warnings: Error[] = [];
      const listen = (warning: Error) => warnings.push(warning);
      process.on("warning", listen);
      expect(await withDeadline("inspect", { deadlineMs }, () => Promise.resolve("done"))).toBe("done");
      process.off("warning", listen);
      expect(warnings).toEqual([]);
    },
  );

  test.each([0, -1, Number.NaN, "5" as unknown as number])("of %j is refused by its name", async (value) => {
    const refused = { code: "INVALID_INPUT", details: { issues: [expect.objectContaining({ path: "deadlineMs" })] } };
    await expect(withDeadline("pull", { deadlineMs: value }, () => Promise.resolve())).rejects.toMatchObject(refused);
    await expect(withDeadline("pull", { inactivityMs: value }, () => Promise.resolve())).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  test("that is not given is not one", () => expect(readLimit(undefined, "deadlineMs")).toBeUndefined());
});

test("what was cancelled or late is called by its own name", async () => {
  const signal = AbortSignal.abort();
  await expect(withDeadline("inspect", { signal }, () => Promise.resolve(), "history")).rejects.toMatchObject({
    code: "CANCELLED",
    message: "the history was cancelled",
  });
});
