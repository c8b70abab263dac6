/** What a real engine and registry cannot be made to answer, answered by a scripted one. */
import { expect, test } from "vitest";
import type { Engine, PullResult, PushResult, TagResult } from "@container-kit/docker-ops";
import type { ToolContext, ToolDefinition } from "@container-kit/atomic-runtime";
import { createRedactor, silentLogger } from "@container-kit/observability";
import { createBuiltinPlugin, createPathPolicy } from "../src/index.ts";

const DIGEST = `sha256:${"d".repeat(64)}`;
const OTHER = `sha256:${"e".repeat(64)}`;
const layers = { total: 2, existing: 1 };
const pulled: PullResult = {
  image: "r.example.com/app:1",
  imageId: "sha256:1",
  digest: DIGEST,
  size: 1,
  alreadyPresent: true,
  bytes: 0,
  layers,
  freshness: "unchecked",
  warnings: ["r.example.com could not be asked"],
  via: "api",
};
const pushed: PushResult = {
  image: "r.example.com/app:1",
  digest: DIGEST,
  verified: true,
  bytes: 5,
  layers,
  tagDigest: OTHER,
  replaced: "sha256:0",
  warnings: ["it took two attempts"],
  via: "docker-cli",
};
const tagged: TagResult = { imageId: "sha256:1", target: "app:1", replaced: "sha256:0", via: "docker-cli" };

/** A tool over an engine that gives these answers. */
function toolOn(name: string, answers: Partial<Engine>): ToolDefinition {
  const plugin = createBuiltinPlugin({
    engine: () => Promise.resolve(answers as Engine),
    checkLogin: () => Promise.reject(new Error("not in this test")),
    environment: {},
    sessions: {} as never,
    paths: createPathPolicy({}),
    redactor: createRedactor(),
    describeServer: () => ({ versions: {}, toolsets: [] }),
  });
  const tool = plugin.tools.find((candidate) => candidate.name === name);
  if (tool === undefined) throw new Error(`there is no tool ${name}`);
  return tool;
}

const context: ToolContext = {
  sessionId: "s",
  executionId: "e",
  correlationId: "c",
  jobId: null,
  signal: new AbortController().signal,
  dryRun: false,
  logger: silentLogger,
  report: () => {},
  jobFolder: () => Promise.reject(new Error("not in this test")),
};

async function toldOf(tool: ToolDefinition, input: Record<string, unknown>): Promise<string> {
  const result = tool.output.parse(await tool.run(input, context));
  return tool.summarize?.(result, input) ?? "";
}

test("a push says that it went by the docker program, that the tag has moved since, and what it replaced here", async () => {
  const tool = toolOn("push_image", { push: () => Promise.resolve(pushed) });
  expect((await toldOf(tool, { image: "r.example.com/app:1" })).split("\n")).toEqual([
    `r.example.com/app:1 was pushed by the docker program; its registry answers for ${DIGEST} (1 of 2 layers were there)`,
    `the tag points to ${OTHER} now: somebody else has moved it since`,
    "the engine had sha256:0 under that name before",
    "warning: it took two attempts",
  ]);
});

test("a pull says how it knows that the image is current, or that it could not be checked", async () => {
  const pull = (result: PullResult) =>
    toldOf(toolOn("pull_image", { pull: () => Promise.resolve(result) }), { image: "r.example.com/app:1" });
  expect((await pull(pulled)).split("\n")).toEqual([
    `r.example.com/app:1 was here already; whether it is current could not be checked: ${DIGEST}, image sha256:1`,
    "warning: r.example.com could not be asked",
  ]);
  expect(await pull({ ...pulled, freshness: "cache" })).toContain("said within the last half hour that it is current");
  expect(await pull({ ...pulled, freshness: "transferred", alreadyPresent: false })).toContain("was pulled: ");
});

test("a tag says what it was moved from", async () => {
  const tool = toolOn("tag_image", { tag: () => Promise.resolve(tagged) });
  expect(await toldOf(tool, { source: "sha256:1", target: "app:1", force: true })).toBe(
    "app:1 is sha256:1, tagged by the docker program; the tag was moved from sha256:0",
  );
});
