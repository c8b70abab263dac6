import { setTimeout as sleep } from "node:timers/promises";
import { definePlugin, defineTool } from "@container-kit/atomic-runtime";
import type { Plugin } from "@container-kit/atomic-runtime";
import { commonErrors, defineErrors } from "@container-kit/errors";
import { z } from "zod";

const fail = defineErrors(commonErrors);
const reading = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false };
const about = { title: "A scripted tool", description: "For tests.", toolset: "build", annotations: reading };

/** What the scripted tools did, for a test to look at. */
export interface Script {
  readonly started: string[];
  readonly aborted: string[];
}

/** Tools without a domain: they answer, wait, tell progress or fail, as a test wants it. */
export function createScriptedPlugin(script: Script): Plugin {
  const text = z.object({ text: z.string() });
  const echo = defineTool({
    ...about,
    name: "echo_text",
    input: text,
    output: text,
    run: async (input) => input,
  });
  const wait = defineTool({
    ...about,
    name: "wait_long",
    input: z.object({ ms: z.number().int() }),
    output: z.object({ waited: z.boolean() }),
    run: async ({ ms }, { signal }) => {
      script.started.push("wait_long");
      signal.addEventListener("abort", () => script.aborted.push("wait_long"));
      await sleep(ms, undefined, { signal });
      return { waited: true };
    },
  });
  const report = defineTool({
    ...about,
    name: "report_steps",
    input: z.object({ steps: z.number().int() }),
    output: z.object({ log: z.string() }),
    durable: true,
    run: async ({ steps }, { report, jobId }) => {
      for (let current = 1; current <= steps; current += 1) {
        report({ message: `step ${current}`, id: `step-${current}`, current: 1, total: 1, unit: "steps", done: true });
        await sleep(1);
      }
      return { log: `job://${String(jobId)}/log` };
    },
  });
  const refuse = defineTool({
    ...about,
    name: "refuse_text",
    input: text,
    output: text,
    run: async ({ text: reason }) => {
      throw fail("CONFLICT", reason, { logTail: "last line" });
    },
  });
  return definePlugin({ name: "scripted", version: "1.0.0", apiVersion: 1, tools: [echo, wait, report, refuse] });
}
