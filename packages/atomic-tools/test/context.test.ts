/** What the tools leave for each other, and take of each other. */
import { expect, test } from "vitest";
import type { z } from "zod";
import { contextTypes } from "../src/index.ts";
import { toolOn } from "./scripted-context.ts";

const TOOLS = [
  "analyze_repository",
  "generate_dockerfile",
  "build_image",
  "pull_image",
  "push_image",
  "tag_image",
  "inspect_image",
  "probe_image",
];
const DIGEST = `sha256:${"d".repeat(64)}`;

/** What a tool leaves after a call, each checked by its type. */
function leaves(name: string, result: Record<string, unknown>, input: Record<string, unknown> = {}) {
  const { produces = [] } = toolOn(name, {});
  return produces.flatMap(({ type, from }) =>
    from(result, input).map(({ key, value }) => {
      const known = contextTypes.find((one) => one.name === type);
      expect(known?.schema.safeParse(value).error).toBeUndefined();
      return { type, key, value };
    }),
  );
}

const dockerfile = { path: "api/Dockerfile", content: "FROM a\n", sha256: "s" };
const build = { context: "/repo/api", dockerfile: "Dockerfile" };
const generated = { strategy: { name: "node-template" }, dockerfile, context: "api", build };

test("a later tool finds in an entry what it takes as an argument", () => {
  const built = { imageId: "sha256:1", tags: ["app:1", "r.example.com/app:1"] };
  expect([
    ...leaves("generate_dockerfile", generated, { path: "/repo", write: true }),
    ...leaves("build_image", built, { context: "/repo" }),
    ...leaves("tag_image", { target: "r.example.com/app:2", imageId: "sha256:1" }),
    ...leaves("pull_image", { image: "node:20", imageId: "sha256:2" }),
    ...leaves("push_image", { image: "r.example.com/app:1", digest: DIGEST }),
  ]).toMatchObject([
    { type: "dockerfile", key: "/repo/api", value: { context: "/repo/api", dockerfile: "Dockerfile", path: "/repo" } },
    // The name that says where it is to be pushed.
    { type: "image", key: "r.example.com/app:1", value: { reference: "r.example.com/app:1", imageId: "sha256:1" } },
    { type: "image", key: "r.example.com/app:2" },
    // What was only fetched is not pushed in the place of what was built.
    { type: "pulled_image", key: "node:20" },
    { type: "pushed_image", value: { digest: DIGEST } },
  ]);
});

test("what is not there is not left: a Dockerfile that was not written, an image that the engine could not name", () => {
  expect(leaves("generate_dockerfile", generated, { path: "/repo", write: false })).toEqual([]);
  const own = { ...generated, strategy: { name: "existing-dockerfile" } };
  expect(leaves("generate_dockerfile", own, { path: "/repo", write: false })).toHaveLength(1);
  expect(leaves("pull_image", { image: "node:20", imageId: null })).toEqual([]);
  expect(leaves("push_image", { image: "app:1", digest: null })).toEqual([]);
});

test("an analysis is left in few words, also of a repository of a thousand modules with a long path", () => {
  const one = { path: "m", platform: "node", framework: null, ports: [{ port: 3000, source: "a.js:1" }], node: {} };
  const path = `/${"folder/".repeat(300)}`;
  const [entry, ...more] = leaves("analyze_repository", { modules: Array.from({ length: 1000 }, () => one) }, { path });
  expect(more).toEqual([]);
  expect(entry?.key.length).toBeLessThanOrEqual(512);
  expect(entry?.value).toMatchObject({ path });
  expect(entry?.value).toHaveProperty("modules.0", { path: "m", platform: "node", framework: null, ports: [3000] });
  expect(JSON.stringify(entry).length).toBeLessThan(20_000);
});

test("what is filled in is an argument of the tool, of an entry's member", () => {
  const filled = TOOLS.flatMap((name) => {
    const { consumes = [], input } = toolOn(name, {});
    return consumes.flatMap(({ type, fills = {} }) =>
      Object.entries(fills).map(([argument, member]) => {
        const schema = contextTypes.find((one) => one.name === type)?.schema as z.ZodObject | undefined;
        expect(Object.keys(input.shape)).toContain(argument);
        expect(Object.keys(schema?.shape ?? {})).toContain(member);
        return `${name}.${argument} from ${type}`;
      }),
    );
  });
  expect([...new Set(filled)]).toEqual([
    "generate_dockerfile.path from analysis",
    "generate_dockerfile.module from analysis",
    "build_image.context from dockerfile",
    "build_image.dockerfile from dockerfile",
    "push_image.image from image",
    "tag_image.source from image",
    "tag_image.source from pulled_image",
    "inspect_image.image from image",
    "inspect_image.image from pulled_image",
    "probe_image.image from image",
    "probe_image.image from pulled_image",
  ]);
});
