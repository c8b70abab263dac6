import { describe, expect, test } from "vitest";
import { validateDockerfile } from "../index.ts";

const rulesOf = (content: string): string[] =>
  validateDockerfile(content)
    .findings.filter((finding) => finding.severity === "error")
    .map((finding) => finding.rule);

describe("a builder would refuse", () => {
  test.each([
    ["", "empty-file"],
    ["# nothing\n", "empty-file"],
    ["ARG A=1\n", "no-from"],
    ["RUN x\nFROM a\n", "before-from"],
    ["FROM a\nRUNN x\n", "unknown-instruction"],
    ["FROM a\nRUN\n", "missing-arguments"],
    ["FROM a b\n", "from-arguments"],
    ["FROM a AS b c\n", "from-arguments"],
    ["FROM a AS 1x\n", "stage-name"],
    ["FROM a\nCOPY x\n", "copy-arguments"],
    ["FROM a\nEXPOSE http\n", "invalid-port"],
    ["FROM a\nEXPOSE 70000\n", "invalid-port"],
    ["FROM a\nHEALTHCHECK curl x\n", "healthcheck-arguments"],
    ["FROM a\nCOPY --form=b x y\n", "unknown-flag"],
    ["FROM a\nCOPY --from=1 x y\nFROM b\n", "unknown-stage"],
    ["FROM a\nCOPY --from=later x y\nFROM b AS later\n", "unknown-stage"],
    ["FROM a\0\n", "not-text"],
  ])("%j: %s", (content, rule) => {
    const found = validateDockerfile(content);
    expect(found.valid).toBe(false);
    expect(found.score).toBe(0);
    expect(rulesOf(content)).toContain(rule);
  });
});

test.each([
  "FROM a\n",
  "FROM --platform=$BUILDPLATFORM a AS b\nFROM b\nCOPY --from=b --chown=1:1 x y\nCOPY --from=docker.io/x y z\n",
  "ARG A=1\nFROM a:$A\nRUN --mount=type=cache,target=/x --mount=type=bind,target=/y echo\n",
  "FROM a\nRUN <<EOF\nFOO bar\nEOF\nCOPY <<EOF /x\nhello\nEOF\n",
  "FROM a\nEXPOSE 80/tcp 90-95 $PORT\nHEALTHCHECK NONE\nHEALTHCHECK --interval=5s CMD x\n",
  "# escape=`\nFROM a\nRUN a `\n  b\n",
  "FROM a\r\nRUN b \\\r\n c\r\n",
  "from a\nrun b\n",
])("%j is accepted", (content) => {
  expect(rulesOf(content)).toEqual([]);
});

test("a finding says where and what was meant", () => {
  const { findings } = validateDockerfile("FROM a\n  RUNN x\n");
  expect(findings[0]).toMatchObject({
    rule: "unknown-instruction",
    line: 2,
    column: 3,
    fix: "RUN",
    message: expect.stringContaining("did you mean RUN"),
  });
});

test("failing checks are findings, heavy ones warnings, and rules can be left out", () => {
  const { findings, valid } = validateDockerfile("FROM node\n");
  expect(valid).toBe(true);
  expect(findings.find((finding) => finding.rule === "non-root-user")?.severity).toBe("warning");
  expect(findings.find((finding) => finding.rule === "syntax-directive")?.severity).toBe("info");
  expect(
    validateDockerfile("FROM node\n", { ignore: ["pinned-tag"] }).findings.map((finding) => finding.rule),
  ).not.toContain("pinned-tag");
});

test("stages are listed with what they begin with", () => {
  expect(validateDockerfile("ARG I=node:24\nFROM ${I} AS build\nFROM build\n").stages).toEqual([
    { index: 0, name: "build", from: "node:24", line: 2 },
    { index: 1, name: null, from: "build", line: 3 },
  ]);
});

test("a base without a default, a doubled name and a broken array are warned of", () => {
  const rules = validateDockerfile("ARG I\nFROM $I AS a\nFROM x AS a\nCMD ['a']\n").findings.map(
    (finding) => finding.rule,
  );
  expect(rules).toEqual(expect.arrayContaining(["base-undefined", "duplicate-stage", "invalid-json"]));
});

test("what is too large, or has flags without end, is INVALID_INPUT", () => {
  expect(() => validateDockerfile("x".repeat(4 * 1024 * 1024 + 1))).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT" }),
  );
  expect(() => validateDockerfile(`FROM a\nRUN ${"--mount=type=cache ".repeat(2000)}x`)).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT" }),
  );
});

test.each([
  ["many lines", "RUN npm install && apt-get install x\n"],
  ["one long line", "x "],
  ["stages", "FROM a AS b\n"],
  ["heredocs", "RUN <<E\nx\nE\n"],
  ["continued lines", "RUN a \\\n"],
  ["pairs", "ENV a=b c=d\n"],
  ["variables", "ARG A=$A$A${A:-$A}\n"],
  ["quotes", 'ENV a="\\"\'\n'],
])("%s cost time in proportion to their number", (_, piece) => {
  const time = (length: number): number => {
    const content = `FROM a\n${piece.repeat(Math.floor(length / piece.length))}`;
    const started = performance.now();
    validateDockerfile(content);
    return performance.now() - started;
  };
  time(20_000);
  const small = Math.max(time(100_000), 5);
  // Four times the text: linear is 4, quadratic is 16; the rest is the machine's noise.
  expect(time(400_000)).toBeLessThan(small * 12 + 500);
});
