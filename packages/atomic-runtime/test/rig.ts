import { createRedactor } from "@container-kit/observability";
import type { LogFields, Logger } from "@container-kit/observability";
import { expect, vi } from "vitest";
import { z } from "zod";
import { createRuntime, definePlugin, defineTool } from "../src/index.ts";
import type { Runtime, RuntimeOptions, ToolContext, ToolDefinition } from "../src/index.ts";
import { fakeSessionStore } from "./fake-session-store.ts";
import type { FakeSessionStore } from "./fake-session-store.ts";

/** A tool of one text in and one text out, with whatever a test wants different. */
export function tool(changes: Partial<ToolDefinition> = {}): ToolDefinition {
  return defineTool({
    name: "copy_text",
    title: "Copy a text",
    description: "Copies a text. Changes nothing.",
    toolset: "server",
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    input: z.object({ text: z.string(), times: z.number().int().default(1) }),
    output: z.object({ text: z.string() }),
    run: (input: Record<string, unknown>) => Promise.resolve({ text: String(input["text"]) }),
    ...changes,
  });
}

/** A tool of which only `run` matters. */
export function running(
  run: (input: Record<string, unknown>, context: ToolContext) => Promise<Record<string, unknown>>,
  changes: Partial<ToolDefinition> = {},
): ToolDefinition {
  return tool({ ...changes, run });
}

export interface LogLine extends LogFields {
  readonly level: string;
  readonly message: string;
}

export interface Rig {
  readonly runtime: Runtime;
  readonly sessions: FakeSessionStore;
  readonly log: LogLine[];
}

/** A runtime on a fake store, with a log that a test may read. */
export function rig(tools: readonly ToolDefinition[], options: Partial<RuntimeOptions> = {}): Rig {
  const sessions = fakeSessionStore();
  const log: LogLine[] = [];
  const plugins = [definePlugin({ name: "test", version: "1.0.0", apiVersion: 1, tools })];
  const runtime = createRuntime({
    plugins,
    sessions,
    logger: recordingLogger(log),
    redactor: createRedactor(),
    ...options,
  });
  return { runtime, sessions, log };
}

/** A logger that keeps what it is told. */
export function recordingLogger(log: LogLine[]): Logger {
  const write = (level: string) => (message: string, fields?: LogFields) => log.push({ level, message, ...fields });
  return {
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: write("debug"),
    child: () => recordingLogger(log),
  };
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** A promise that never settles: a tool that hangs. */
export function forever<Value>(): Promise<Value> {
  return new Promise(() => {});
}

/** Under fake timers: nothing is waited for any more. The timer of the alarms may ring once more, for nothing. */
export function expectNoTimers(): void {
  vi.runOnlyPendingTimers();
  expect(vi.getTimerCount()).toBe(0);
}
