/**
 * What the server and a plugin's process say to each other, one JSON line each.
 */
import { z } from "zod";
import type { ContextEntry } from "@container-kit/context-sharing";
import type { RoleName } from "./roles.ts";

/** The first message to a plugin's process: what to load, and whether it may speak with the network. */
export interface LoadMessage {
  readonly kind: "load";
  readonly entry: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly network: boolean;
  /** Names of the variables that were granted. */
  readonly environment: readonly string[];
}

/** Facts of an execution that a tool's context has. */
export interface CallFacts {
  readonly sessionId: string;
  readonly executionId: string;
  readonly correlationId: string;
  readonly jobId: string | null;
  readonly dryRun: boolean;
  readonly attempt: number;
}

/** One call of one function of the plugin. */
export interface CallMessage {
  readonly kind: "call";
  readonly id: number;
  readonly role: "tools" | RoleName;
  readonly name: string;
  readonly member: "run" | "dryRun" | "undo" | "extension";
  readonly input: unknown;
  readonly facts: CallFacts;
  /** What the tool may look at in its session. */
  readonly entries?: readonly ContextEntry[];
}

/** What the server says to a plugin's process. */
export type ToPlugin =
  | LoadMessage
  | CallMessage
  | { readonly kind: "abort"; readonly id: number; readonly code: string; readonly message: string }
  | { readonly kind: "kept"; readonly id: number; readonly error?: string };

const id = z.number().int();
const short = (longest: number): z.ZodString => z.string().max(longest);

const progressSchema = z.object({
  message: z.string().transform((text) => text.slice(0, 1_000)),
  phase: short(200).optional(),
  id: short(200).optional(),
  current: z.number().optional(),
  total: z.number().optional(),
  unit: z.enum(["bytes", "steps"]).optional(),
  done: z.boolean().optional(),
});

const errorSchema = z.object({
  message: z.string(),
  code: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]{2,63}$/)
    .optional(),
  category: z
    .enum(["input", "engine", "registry", "build", "security", "session", "runtime", "workflow", "sandbox", "deploy"])
    .optional(),
  remedy: short(1_000).optional(),
  retryable: z.boolean().optional(),
  stage: short(200).optional(),
  details: z.record(z.string(), z.unknown()).optional(),
  logTail: short(16_000).optional(),
  stack: short(16_000).optional(),
  /** What Node's permission model refused. */
  denied: short(1_000).optional(),
});

/** An entry that the tool looked at. */
const tookSchema = z.array(z.object({ type: short(64), key: short(512) })).max(1_000);

const producedSchema = z.array(
  z.object({
    type: short(64),
    entries: z
      .array(z.object({ key: short(512), value: z.unknown(), labels: z.record(short(64), short(256)).optional() }))
      .max(32),
  }),
);

const nextStep = z.object({
  tool: short(100),
  reason: short(500),
  arguments: z.record(z.string(), z.unknown()),
});

/** What a plugin's process says to the server; checked, because the plugin may write on the pipe itself. */
export const fromPluginSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("loaded"), manifest: z.unknown() }),
  z.object({ kind: z.literal("refused"), message: z.string() }),
  z.object({ kind: z.literal("denied"), what: short(500) }),
  z.object({ kind: z.literal("report"), id, progress: progressSchema }),
  z.object({
    kind: z.literal("log"),
    id,
    level: z.enum(["error", "warn", "info", "debug"]),
    message: short(2_000),
    fields: z.record(z.string(), z.unknown()).optional(),
  }),
  z.object({ kind: z.literal("make"), id, note: z.unknown() }),
  z.object({
    kind: z.literal("done"),
    id,
    result: z.unknown(),
    next: z.array(nextStep).max(20).optional(),
    summary: short(16_000).optional(),
    produced: producedSchema.max(16).optional(),
    took: tookSchema.optional(),
  }),
  z.object({ kind: z.literal("failed"), id, error: errorSchema, took: tookSchema.optional() }),
]);

/** What a plugin's process says to the server. */
export type FromPlugin = z.output<typeof fromPluginSchema>;
/** An error as it crosses the process border. */
export type PluginError = z.output<typeof errorSchema>;
/** The entries that a call looked at. */
export type TookEntries = z.output<typeof tookSchema>;
/** A finished call as it crosses the process border. */
export type DoneMessage = Extract<FromPlugin, { kind: "done" }>;
