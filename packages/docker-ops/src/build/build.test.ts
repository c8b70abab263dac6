import { describe, expect, test } from "vitest";
import { replaceBaseImages } from "./base-images.ts";
import { buildError } from "./build-error.ts";
import { LogTail } from "./build-observer.ts";
import { decodeBuildStatus } from "./buildkit-trace.ts";
import { finalBase, globalArguments, imagesOf, parseDockerfile } from "./dockerfile-images.ts";
import { expandArguments } from "./expand-arguments.ts";
import { observeBuildkit } from "./observe-buildkit.ts";
import { observeClassic } from "./observe-classic.ts";
import { readFields } from "./protobuf.ts";

const replaced = (content: string, map: Record<string, string>, buildArgs: Record<string, string> = {}) =>
  replaceBaseImages(content, map, buildArgs);

describe("replaceBaseImages", () => {
  test("a base image is replaced wherever it is named, and reported once", () => {
    const { content, replacements } = replaced("FROM node:20 AS deps\nRUN x\nFROM node:20\nCOPY --from=deps /a /b\n", {
      "node:20": "standin/node:20",
    });
    expect(content).toBe("FROM standin/node:20 AS deps\nRUN x\nFROM standin/node:20\nCOPY --from=deps /a /b\n");
    expect(replacements).toEqual([{ named: "node:20", used: "standin/node:20" }]);
  });

  test("a base image behind an ARG is found with the value that the build sets", () => {
    const dockerfile = "ARG V=18\nARG IMAGE=node:${V}\nFROM --platform=linux/amd64 $IMAGE AS a\n";
    expect(replaced(dockerfile, { "node:18": "s/a:1" }).content).toContain("FROM --platform=linux/amd64 s/a:1 AS a");
    expect(replaced(dockerfile, { "node:22": "s/a:1" }, { V: "22" }).content).toContain("s/a:1");
    expect(replaced(dockerfile, { "node:18": "s/a:1" }, { V: "22" }).replacements).toEqual([]);
  });

  test("an image is recognised in any spelling, and COPY --from an image too", () => {
    const { content } = replaced("FROM docker.io/library/node:20\nCOPY --from=busybox /a /b\n", {
      "node:20": "s/n:1",
      "busybox:latest": "s/b:1",
    });
    expect(content).toBe("FROM s/n:1\nCOPY --from=s/b:1 /a /b\n");
  });

  test("a stage is not taken for an image of the same name", () => {
    const dockerfile = "FROM alpine AS node\nFROM node\n";
    expect(replaced(dockerfile, { "node:latest": "s/n:1" }).content).toBe(dockerfile);
  });

  test("the frontend that cannot be pulled is left out, and no line moves", () => {
    const { content, replacements } = replaced("# syntax=docker/dockerfile:1\n\nFROM node:20\nRUN x\n", {
      "docker/dockerfile:1": "builtin",
      "node:20": "s/n:1",
    });
    expect(content).toBe("#\n\nFROM s/n:1\nRUN x\n");
    expect(replacements.map(({ named }) => named)).toEqual(["node:20", "docker/dockerfile:1"]);
  });

  test("without a map, and for other images, the text stays to the byte", () => {
    const dockerfile = "FROM node:20\r\nRUN a \\\r\n  b\r\n";
    expect(replaced(dockerfile, {}).content).toBe(dockerfile);
    expect(replaced(dockerfile, { "node:21": "x:1" }).content).toBe(dockerfile);
  });
});

test.each([
  ["${A}-$B", "1-2"],
  ["${C:-three}", "three"],
  ["${A:-x}${A:+yes}${C:+no}", "1yes"],
  ["$C", ""],
])("%s is %s with A=1 and B=2", (text, expected) => {
  expect(
    expandArguments(
      text,
      new Map([
        ["A", "1"],
        ["B", "2"],
      ]),
      1,
    ),
  ).toBe(expected);
});

describe("ARGs that grow", () => {
  const doubling = (lines: number) =>
    Array.from({ length: lines }, (_, index) => `ARG A${index + 1}=\${A${index}}\${A${index}}\n`).join("");

  test.each([28, 40])("are refused at the line where %i of them come to too much", (lines) => {
    const dockerfile = parseDockerfile(`ARG A0=xxxxxxxx\n${doubling(lines)}FROM \${A${lines}}\n`);
    expect(() => globalArguments(dockerfile, {})).toThrow(
      expect.objectContaining({ code: "DOCKERFILE_INVALID", details: { line: 11, column: 1 } }),
    );
  });

  test("are refused in a FROM too", () => {
    const dockerfile = parseDockerfile(`ARG A\nFROM a/${"$A".repeat(5)}\n`);
    const values = globalArguments(dockerfile, { A: "x".repeat(1000) });
    const refused = expect.objectContaining({ code: "DOCKERFILE_INVALID", details: { line: 2, column: 1 } });
    expect(() => imagesOf(dockerfile, values)).toThrow(refused);
    expect(() => finalBase(dockerfile, values)).toThrow(refused);
  });

  test("are no ARGs that are long because the caller's value is, whatever is in it", () => {
    const certificates = "$CERTIFICATE ".repeat(1000);
    const dockerfile = parseDockerfile("ARG BUNDLE\nFROM x\nARG BUNDLE\n");
    const values = globalArguments(dockerfile, { BUNDLE: certificates });
    expect(values.get("BUNDLE")).toBe(certificates);
    expect(finalBase(dockerfile, values)).toBe("x");
  });

  test("have no value that every object has", () => {
    const values = globalArguments(parseDockerfile("ARG constructor\nARG toString=a\nFROM x\n"), {});
    expect([...values]).toEqual([["toString", "a"]]);
  });
});

describe("buildError", () => {
  const observer = (failedStep: string | null, tail = "") => ({
    observe: () => [],
    steps: () => [],
    failedStep: () => failedStep,
    isStepRunning: () => failedStep !== null,
    unusedArguments: () => [],
    logTail: () => tail,
    finish: () => {},
  });

  test.each([
    ["dockerfile parse error line 3: unknown instruction: RUNN", null, "DOCKERFILE_INVALID"],
    [
      "failed to solve with frontend dockerfile.v0: failed to create LLB definition: no build stage in current context",
      null,
      "DOCKERFILE_INVALID",
    ],
    ["the Dockerfile (Dockerfile) cannot be empty", null, "DOCKERFILE_INVALID"],
    [
      "failed to do request: Head https://x: dial tcp: no such host",
      "[internal] load metadata for docker.io/library/x:1",
      "BASE_IMAGE_UNAVAILABLE",
    ],
    [
      "pull access denied for x, repository does not exist or may require 'docker login'",
      null,
      "BASE_IMAGE_UNAVAILABLE",
    ],
    [
      "pulling from host r:5000 failed with status code [manifests 1]: 401 Unauthorized",
      "[internal] load metadata for r:5000/x:1",
      "BASE_IMAGE_UNAVAILABLE",
    ],
    ["unauthorized: authentication required", "FROM r:5000/x:1", "BASE_IMAGE_UNAVAILABLE"],
    ["unauthorized: authentication required", "RUN npm ci", "BUILD_FAILED"],
    ["Invalid containerPort: abc", null, "DOCKERFILE_INVALID"],
    ["the --mount option requires BuildKit. Refer to https://x", null, "UNSUPPORTED"],
    ["executor failed running [/bin/sh -c npm ci]: exit code: 1", "[2/3] RUN npm ci", "BUILD_FAILED"],
    ["The command '/bin/sh -c false' returned a non-zero code: 1", "RUN false", "BUILD_FAILED"],
    ["write /x: no space left on device", "[2/3] RUN x", "ENGINE_DISK_FULL"],
    ["executor failed running [/bin/sh -c echo 'NAME cannot be empty']: exit code: 1", "[2/2] RUN x", "BUILD_FAILED"],
    ["executor failed running [/bin/sh -c echo no space left on device]: exit code: 1", "[2/2] RUN x", "BUILD_FAILED"],
    [
      'process "/bin/sh -c tool --x # unknown flag" did not complete successfully: exit code: 1',
      "[2/2] RUN x",
      "BUILD_FAILED",
    ],
    ["The command '/bin/sh -c echo unknown instruction' returned a non-zero code: 1", "RUN x", "BUILD_FAILED"],
    ["getaddrinfo ENOTFOUND: no such host", "[2/3] RUN npm ci", "BUILD_FAILED"],
    [
      "checking if cached image exists from a previous build: getting top layer info: layer not known",
      'LABEL "a"="1"',
      "ENGINE_ERROR",
    ],
    ["failed to solve: dockerfile line greater than max allowed size of 65535", null, "DOCKERFILE_INVALID"],
  ])("%s is told by its code", (message, step, code) => {
    expect(buildError(message, observer(step, "tail"), "FROM x\n")).toMatchObject({ code });
  });

  test("a frontend that cannot be had is told by its line, and not as a base image", () => {
    const step = "resolve image config for docker.io/docker/dockerfile:9";
    const error = buildError(
      "docker.io/docker/dockerfile:9: not found",
      observer(step),
      "# syntax=docker/dockerfile:9\nFROM x\n",
    );
    expect(error).toMatchObject({
      code: "BASE_IMAGE_UNAVAILABLE",
      remedy: expect.stringContaining("`# syntax=` line"),
    });
    expect(error.message).toContain("syntax");
  });

  test("what buildah says of its inner state, the image's environment with it, is left out", () => {
    const message =
      'building at STEP "RUNN ": Build error: Unknown instruction: "RUNN" &imagebuilder.Step{Env:[]string{"KEY=CANARY"}, Command:"runn"}\n';
    const error = buildError(message, observer(null), "FROM x\nRUNN y\n");
    expect(error).toMatchObject({ code: "DOCKERFILE_INVALID", details: { line: 2, column: 1 } });
    expect(error.message).not.toContain("CANARY");
  });

  test("the line of a parse error and the output of a failed step are kept", () => {
    expect(
      buildError("dockerfile parse error line 3: unknown instruction: RUNN", observer(null), "FROM x\n\n  RUNN y"),
    ).toMatchObject({
      details: { line: 3, column: 3 },
    });
    expect(buildError("exit code: 1", observer("[2/2] RUN x", "npm ERR!"), "")).toMatchObject({
      logTail: "npm ERR!",
      details: { step: "[2/2] RUN x" },
    });
  });
});

describe("observeClassic", () => {
  test("steps, durations, cache hits and the failing step's output are read from the text", () => {
    let now = 0;
    const lines: string[] = [];
    const observer = observeClassic({ onLog: (line) => lines.push(line), now: () => now });
    for (const [text, at] of [
      ["Step 1/3 : FROM node\n ---> abc\n", 0],
      ["Step 2/3 : COPY . .\n ---> Using cache\n ---> 0a1b2c3d4e5f\n", 5],
      ["Step 3/3 : RUN npm ci\n", 10],
      ["npm ERR! one\nnpm ERR! tw", 20],
      ["o\n", 30],
    ] as const) {
      now = at;
      observer.observe({ stream: text });
    }
    expect(observer.steps().slice(0, 2)).toEqual([
      { index: 1, instruction: "FROM node", durationMs: 5, cached: false },
      { index: 2, instruction: "COPY . .", durationMs: 5, cached: true },
    ]);
    expect(observer.failedStep()).toBe("RUN npm ci");
    expect(observer.logTail()).toBe("npm ERR! one\nnpm ERR! two\n".trimEnd());
    expect(lines).toContain("npm ERR! two");
  });
});

describe("what a classic step prints", () => {
  const steps = (text: string, keywords = new Set(["FROM", "RUN", "COPY"])) => {
    const observer = observeClassic({ onLog: () => {}, keywords, now: () => 0 });
    observer.observe({ stream: text });
    return observer.steps().map(({ instruction, cached }) => `${instruction}${cached ? " cached" : ""}`);
  };

  test("imitates no step: only the next number of the same total with an instruction of the Dockerfile counts", () => {
    const text =
      "Step 1/3 : FROM a\n ---> 0a1b2c3d4e5f\nStep 2/3 : RUN x\n ---> Running in 123\nStep 9/9 : RUN fake\nStep 3/9 : RUN fake\nStep 3/3 : EVIL fake\nSTEP 1/1: RUN fake\nStep 3/3 : COPY a b\n";
    expect(steps(text)).toEqual(["FROM a", "RUN x", "COPY a b"]);
  });

  test("imitates no cache hit", () => {
    expect(steps("Step 1/1 : RUN x\n ---> Running in 123\n ---> Using cache\n ---> 0a1b2c3d4e5f\n")).toEqual(["RUN x"]);
    const id = "0a1b2c3d4e5f".padEnd(64, "0");
    expect(steps(`STEP 1/1: RUN x\n--> Using cache ${id}\n--> 999999999999\n`)).toEqual(["RUN x"]);
    expect(steps(`STEP 1/1: RUN x\n--> Using cache ${id}\n--> 0a1b2c3d4e5\n`)).toEqual(["RUN x cached"]);
    expect(steps(`STEP 1/1: RUN x\n--> Using cache ${id}\n--> 0a1b2c3d4e5\nSTEP 9/9: x\n--> 15088192919\n`)).toEqual([
      "RUN x",
    ]);
    expect(steps("Step 1/1 : RUN x\n\n ---> Using cache\n ---> 0a1b2c3d4e5f\n")).toEqual(["RUN x cached"]);
  });

  test("is followed through the stages that buildah numbers anew, and the labels of the request", () => {
    const text = "[1/2] STEP 1/2: FROM a\n[1/2] STEP 2/2: RUN x\n[2/2] STEP 1/2: FROM b\n[2/2] STEP 2/2: LABEL a=b\n";
    expect(steps(text)).toEqual(["FROM a", "RUN x", "FROM b", "LABEL a=b"]);
  });

  test("is a cache hit in buildah's last step too, and the labels of the request are no steps", () => {
    const id = "0a1b2c3d4e5f".padEnd(64, "0");
    const last = `STEP 1/1: RUN x\n--> Using cache ${id}\n[2/2] COMMIT a:1\n`;
    expect(steps(`${last}--> 0a1b2c3d4e5\n`)).toEqual(["RUN x cached"]);
    expect(steps(`${last}--> 999999999999\n`)).toEqual(["RUN x"]);
    for (const text of [
      'STEP 1/4: FROM x\nSTEP 2/4: LABEL "a"="0"\nSTEP 3/4: LABEL "a"="1"\nSTEP 4/4: LABEL "b"="2"\n',
      "Step 1/3 : FROM x\nStep 2/3 : LABEL c=1\nStep 3/3 : LABEL a=1 b=2\n",
    ]) {
      const observer = observeClassic({ onLog: () => {}, labels: ["a", "b"] });
      observer.observe({ stream: text });
      expect(observer.steps()).toHaveLength(2);
    }
  });

  test("tells which arguments nothing takes, in the words of both builders", () => {
    for (const line of [
      "[Warning] One or more build-args [A B] were not consumed",
      "[Warning] one or more build args were not consumed: [A B]",
    ]) {
      const observer = observeClassic({ onLog: () => {} });
      observer.observe({ stream: `${line}\n` });
      expect(observer.unusedArguments()).toEqual(["A", "B"]);
    }
  });
});

describe("BuildKit's messages", () => {
  const field = (number: number, bytes: Buffer) => Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
  const timestamp = (seconds: number) => Buffer.from([8, seconds]);
  const vertex = (digest: string, name: string, more: readonly Buffer[] = []) =>
    field(1, Buffer.concat([field(1, Buffer.from(digest)), field(3, Buffer.from(name)), ...more]));
  const record = (...parts: readonly Buffer[]) => ({
    id: "moby.buildkit.trace",
    aux: Buffer.concat(parts).toString("base64"),
  });

  test("steps come with duration and cache, and internal vertexes are no steps", () => {
    const observer = observeBuildkit(() => {});
    observer.observe(record(vertex("sha256:a", "[internal] load build definition", [field(5, timestamp(1))])));
    observer.observe(
      record(vertex("sha256:b", "[deps 2/4] RUN npm ci", [field(5, timestamp(10)), field(6, timestamp(12))])),
    );
    observer.observe(
      record(
        vertex("sha256:c", "[3/4] COPY . .", [
          Buffer.from([4 * 8, 1]),
          field(5, timestamp(12)),
          field(6, timestamp(12)),
        ]),
      ),
    );
    expect(observer.steps()).toEqual([
      { index: 1, instruction: "RUN npm ci", durationMs: 2000, cached: false },
      { index: 2, instruction: "COPY . .", durationMs: 0, cached: true },
    ]);
  });

  test("steps stand in the Dockerfile's order, however their vertexes come", () => {
    const observer = observeBuildkit(() => {});
    for (const name of ["[b 2/2] RUN y", "[a 1/1] FROM z", "[b 1/2] FROM x"])
      observer.observe(record(vertex(name, name, [field(5, timestamp(1))])));
    expect(observer.steps().map(({ index, instruction }) => `${index} ${instruction}`)).toEqual([
      "1 FROM x",
      "2 RUN y",
      "3 FROM z",
    ]);
  });

  test("the failing vertex's own output is the log tail", () => {
    const observer = observeBuildkit(() => {});
    observer.observe(
      record(vertex("sha256:b", "[2/2] RUN x", [field(5, timestamp(1)), field(7, Buffer.from("exit 1"))])),
    );
    observer.observe(
      record(field(3, Buffer.concat([field(1, Buffer.from("sha256:b")), field(4, Buffer.from("boom\n"))]))),
    );
    expect(observer.failedStep()).toBe("[2/2] RUN x");
    expect(observer.logTail()).toBe("boom");
  });

  test("bytes that are no message are ENGINE_PROTOCOL, and never an endless loop", () => {
    expect(() => observeBuildkit(() => {}).observe({ id: "moby.buildkit.trace", aux: "////" })).toThrow(
      expect.objectContaining({ code: "ENGINE_PROTOCOL" }),
    );
    expect(() => decodeBuildStatus(Buffer.alloc(20, 0xff).toString("base64"))).toThrow(RangeError);
    expect([...readFields(new Uint8Array())]).toEqual([]);
  });
});

test("the tail of a log keeps the last lines and joins cut ones", () => {
  const tail = new LogTail();
  for (let line = 0; line < 100; line += 1) tail.add(`line ${line}\n`);
  tail.add("the e");
  tail.add("nd");
  const lines = tail.text().split("\n");
  expect(lines).toHaveLength(40);
  expect(lines.at(-1)).toBe("the end");
});

test("output without line ends is neither kept whole nor lost", () => {
  const tail = new LogTail();
  let seen = 0;
  for (let part = 0; part < 100; part += 1) seen += tail.add("x".repeat(1000)).join("").length;
  expect(seen + (tail.flush() ?? "").length).toBe(100_000);
  expect(tail.add("10%\r20%\r30%\n")).toEqual(["10%", "20%", "30%"]);
});
