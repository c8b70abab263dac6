import { expect, test } from "vitest";
import { checkBuildOptions } from "./check-options.ts";

test.each([
  ["", undefined],
  ["", null],
  ["tags", {}],
  ["tags", { tags: "x" }],
  ["tags.1", { tags: ["a", 1] }],
  ["buildArgs.A", { tags: ["a"], buildArgs: { A: 1 } }],
  ["buildArgs.A", { tags: ["a"], buildArgs: { A: null } }],
  ["labels.a", { tags: ["a"], labels: { a: 1 } }],
  ["cacheFrom", { tags: ["a"], cacheFrom: "x" }],
  ["secrets.0.from", { tags: ["a"], secrets: [{ id: "a" }] }],
  ["onLog", { tags: ["a"], onLog: "x" }],
])("the option %j of %j is refused by its path", (path, options) => {
  expect(() => checkBuildOptions(options)).toThrow(
    expect.objectContaining({
      code: "INVALID_INPUT",
      details: { issues: [{ path, message: expect.any(String) }] },
    }),
  );
});

test("what is refused is not quoted, since it may be a secret", () => {
  const canary = 918_273_645;
  expect(() => checkBuildOptions({ tags: ["a"], buildArgs: { TOKEN: canary } })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining(String(canary)) }),
  );
});

test("options that are in order are taken", () => {
  const options = { tags: ["a"], buildArgs: { A: "" }, secrets: [], noCache: true, signal: undefined, onLog: () => {} };
  expect(() => checkBuildOptions(options)).not.toThrow();
});
