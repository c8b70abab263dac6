/** What a real engine and registry cannot be made to answer, answered by a scripted one. */
import { expect, test } from "vitest";
import type { Engine, ImageDetails, PullResult, PushResult, TagResult } from "@container-kit/docker-ops";
import { createPolicy } from "@container-kit/atomic-runtime";
import type { ToolDefinition } from "@container-kit/atomic-runtime";
import { contextOf, toolOn as scriptedTool } from "./scripted-context.ts";

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
const toolOn = (name: string, engine: Partial<Engine>): ToolDefinition =>
  scriptedTool(name, { engine, policy: createPolicy([]) });

async function toldOf(tool: ToolDefinition, input: Record<string, unknown>): Promise<string> {
  const result = tool.output.parse(await tool.run(input, contextOf(tool.name)));
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
  const inspect = (image: string) =>
    Promise.resolve({ imageId: image === "app:1" ? "sha256:0" : "sha256:1" } as ImageDetails);
  const tool = toolOn("tag_image", { inspect, tag: () => Promise.resolve(tagged) });
  expect(await toldOf(tool, { source: "sha256:1", target: "app:1", force: true })).toBe(
    "app:1 is sha256:1, tagged by the docker program; the tag was moved from sha256:0",
  );
});
