/** A secret that a call was given, on all ways that lead out of it. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  createContextStore,
  createEventBus,
  createFailureRouting,
  createRouter,
  defaultRoutingRules,
} from "@container-kit/context-sharing";
import { defineErrors } from "@container-kit/errors";
import { createRedactor } from "@container-kit/observability";
import { createSessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { createRuntime, definePlugin } from "../src/index.ts";
import type { ToolDefinition } from "../src/index.ts";
import { recordingLogger, tool } from "./rig.ts";
import type { LogLine } from "./rig.ts";

const SECRETS = { shaped: "ghp_0123456789abcdefghijklmnopqrstuvwxyz", learned: "plain-words-that-are-secret" };

const fail = defineErrors({
  BUILD_FAILED: { category: "build", summary: "x", remedy: "Correct it.", retryable: false, fault: "caller" },
});

/** Builds, or fails with all that it was given; leaves what it was given; takes what it left. */
const build = (changes: Partial<ToolDefinition> = {}): ToolDefinition =>
  tool({
    name: "build_image",
    toolset: "build",
    input: z.object({
      context: z.string(),
      tags: z.array(z.string()).default([]),
      buildArgs: z.record(z.string(), z.string()).optional(),
      fails: z.boolean().default(false),
    }),
    output: z.object({ text: z.string() }),
    consumes: [{ type: "build", fills: { buildArgs: "buildArgs" } }],
    produces: [
      {
        type: "build",
        from: (_result, { buildArgs = {}, context }) => [{ key: String(context), value: { buildArgs } }],
      },
      { type: "build", from: (_result, { buildArgs = {} }) => [{ key: JSON.stringify(buildArgs), value: {} }] },
    ],
    run: ({ buildArgs, fails }) =>
      fails === true
        ? Promise.reject(fail("BUILD_FAILED", JSON.stringify(buildArgs), { details: { buildArgs } }))
        : Promise.resolve({ text: JSON.stringify(buildArgs) }),
    next: (_result, input) => [{ tool: "build_image", reason: "again", arguments: input }],
    ...changes,
  });

test("a secret of an input is in no answer, text, log, event, entry, route or file", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "atomic-runtime-secrets-"));
  const redactor = createRedactor();
  redactor.learn(SECRETS.learned);
  const log: LogLine[] = [];
  const logger = recordingLogger(log);
  const storage = await openStorage(`sqlite:${folder}/`);
  const events = createEventBus(storage, { logger });
  const context = createContextStore(storage, { events, redactor, logger });
  const routing = createFailureRouting({
    router: createRouter({ rules: defaultRoutingRules }),
    context,
    events,
    redactor,
  });
  const contextTypes = [
    { name: "build", schema: z.object({ buildArgs: z.record(z.string(), z.string()).optional() }) },
  ];
  const plugin = definePlugin({ name: "test", version: "1.0.0", apiVersion: 1, tools: [build()], contextTypes });
  const sessions = createSessionStore(storage);
  const runtime = createRuntime({ plugins: [plugin], sessions, context, events, routing, redactor, logger });
  onTestFinished(() => rm(folder, { recursive: true, force: true }));

  const buildArgs = { TOKEN: SECRETS.shaped, OTHER: SECRETS.learned };
  const calls = [
    { context: ".", buildArgs },
    { context: ".", buildArgs, fails: true },
    { context: "." },
    { context: ".", buildArgs: SECRETS },
    { context: ".", tags: 1, buildArgs },
    { context: ".", buildArgs, idempotencyKey: "k" },
    { context: ".", buildArgs, wait: false },
  ];
  const { id: sessionId } = await sessions.openSession();
  const told: unknown[] = [];
  for (const input of calls) {
    const outcome = await runtime.execute({ tool: "build_image", input: { sessionId, ...input } });
    told.push(outcome, runtime.render(outcome));
  }
  await runtime.jobsDone();
  told.push(log, await events.read(), await context.exportSession(sessionId), await sessions.exportSession(sessionId));
  expect(told[0]).toMatchObject({ ok: true, context: { problems: [expect.stringContaining("secret")] } });
  expect(told[2]).toMatchObject({ ok: false, routing: { reason: expect.any(String) } });
  await runtime.close();
  await events.close();
  await storage.close();
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const file of files.filter((entry) => entry.isFile()))
    told.push([file.name, await readFile(path.join(file.parentPath, file.name), "latin1")]);
  for (const secret of Object.values(SECRETS))
    expect(
      told.filter((one) => JSON.stringify(one).includes(secret)).map((one) => JSON.stringify(one).slice(0, 200)),
    ).toEqual([]);
});
