/** A failure that is repaired by calls that know nothing but the `routing` and `next` that they were given. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createContextStore, createEventBus, createFailureRouting, createRouter } from "@container-kit/context-sharing";
import { defineErrors } from "@container-kit/errors";
import { createSessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { createRuntime, definePlugin } from "../src/index.ts";
import type { Runtime, ToolDefinition, ToolOutcome } from "../src/index.ts";
import { tool } from "./rig.ts";

const fail = defineErrors({
  BUILD_FAILED: { category: "build", summary: "x", remedy: "Correct it.", retryable: false, fault: "caller" },
});

interface Repository {
  dockerfile: "broken" | "good";
  readonly canBeRepaired: boolean;
}

/** The built-in tools, as far as the default rules know them. */
function tools(repository: Repository): readonly ToolDefinition[] {
  const text = z.object({ path: z.string() });
  return [
    tool({
      name: "build_image",
      toolset: "build",
      input: z.object({ context: z.string(), dockerfile: z.string().optional(), tags: z.array(z.string()) }),
      output: z.object({ tags: z.array(z.string()) }),
      run: (input) =>
        repository.dockerfile === "good"
          ? Promise.resolve({ tags: input["tags"] })
          : Promise.reject(fail("BUILD_FAILED", "step 3 ended with 1")),
      produces: [
        {
          type: "image",
          from: ({ tags }) => (tags as string[]).map((reference) => ({ key: reference, value: { reference } })),
        },
      ],
      next: () => [{ tool: "push_image", reason: "push it", arguments: {} }],
    }),
    tool({
      name: "analyze_repository",
      toolset: "build",
      input: text,
      output: text,
      run: (input) => Promise.resolve(input as { path: string }),
    }),
    tool({
      name: "generate_dockerfile",
      toolset: "build",
      input: text.extend({ strategy: z.string(), overwrite: z.boolean() }),
      output: z.object({ dockerfile: text, context: z.string() }),
      run() {
        if (repository.canBeRepaired) repository.dockerfile = "good";
        return Promise.resolve({ dockerfile: { path: "Dockerfile" }, context: "." });
      },
    }),
    tool({
      name: "push_image",
      toolset: "image",
      input: z.object({ image: z.string() }),
      consumes: [{ type: "image", fills: { image: "reference" } }],
      run: (input) => Promise.resolve({ text: String(input["image"]) }),
    }),
  ];
}

async function open(repository: Repository): Promise<Runtime> {
  const folder = await mkdtemp(path.join(tmpdir(), "atomic-runtime-routing-"));
  const storage = await openStorage(`sqlite:${folder}/`);
  const events = createEventBus(storage);
  const context = createContextStore(storage, { events });
  const routing = createFailureRouting({ router: createRouter(), context, events });
  const image = { name: "image", schema: z.object({ reference: z.string() }) };
  const plugin = definePlugin({
    name: "test",
    version: "1.0.0",
    apiVersion: 1,
    tools: tools(repository),
    contextTypes: [image],
  });
  const runtime = createRuntime({ plugins: [plugin], sessions: createSessionStore(storage), context, events, routing });
  onTestFinished(async () => {
    await runtime.close();
    await events.close();
    await storage.close();
    await rm(folder, { recursive: true, force: true });
  });
  return runtime;
}

/** Does what an outcome proposes first, until nothing is. */
async function follow(runtime: Runtime, first: ToolOutcome): Promise<readonly ToolOutcome[]> {
  const outcomes = [first];
  for (let last = first; outcomes.length < 50; outcomes.push(last)) {
    const proposed = last.ok ? last.next[0] : { tool: last.routing?.toTool, arguments: last.routing?.arguments };
    if (proposed?.tool === undefined) break;
    last = await runtime.execute({ tool: proposed.tool, input: proposed.arguments });
  }
  return outcomes;
}

const build = { tool: "build_image", input: { context: "./app", tags: ["app:1"] } };

test("a build that fails is analysed, written anew, built and pushed, with no argument given twice", async () => {
  const runtime = await open({ dockerfile: "broken", canBeRepaired: true });
  const outcomes = await follow(runtime, await runtime.execute(build));
  expect(outcomes.map(({ tool, ok }) => `${tool} ${ok}`)).toEqual([
    "build_image false",
    "analyze_repository true",
    "generate_dockerfile true",
    "build_image true",
    "push_image true",
  ]);
  expect(new Set(outcomes.map(({ sessionId }) => sessionId)).size).toBe(1);
  expect(outcomes.at(-1)).toMatchObject({
    result: { text: "app:1" },
    context: { used: [{ key: "app:1", as: "image" }] },
  });
});

test("what cannot be repaired is given up after finitely many calls, with a reason", async () => {
  const runtime = await open({ dockerfile: "broken", canBeRepaired: false });
  const outcomes = await follow(runtime, await runtime.execute(build));
  expect(outcomes.length).toBeLessThan(20);
  expect(outcomes.at(-1)).toMatchObject({ ok: false, tool: "build_image", routing: { action: "fail" } });
});
