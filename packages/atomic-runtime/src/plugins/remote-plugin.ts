/**
 * An untrusted plugin as the runtime sees it: its tools and extensions, each a call into one of its processes.
 */
import type { ContextEntry, ContextType } from "@container-kit/context-sharing";
import { z } from "zod";
import { fail } from "../errors.ts";
import { offeredTo } from "../tool-context.ts";
import type { NextStep, Plugin, ProducedEntry, ToolContext, ToolDefinition, UndoContext } from "../types.ts";
import type { ContextTypeManifest, ExtensionManifest, PluginManifest, ToolManifest } from "./manifest.ts";
import type { CallFacts, CallMessage, DoneMessage } from "./messages.ts";
import type { CallHandlers } from "./plugin-process.ts";
import type { ProcessPool } from "./process-pool.ts";
import { isTooCostly, rebuildSchema } from "./rebuild-schema.ts";
import type { RebuiltSchema } from "./rebuild-schema.ts";
import { ROLES } from "./roles.ts";
import type { CredentialSource, ExtensionContext, RoleName, Scanner, Strategy } from "./roles.ts";

const ASKS_ITSELF = { verb: "read" } as const;
const policyFacts = z.looseObject({ verb: z.string().max(100) });

/** Makes the plugin of a checked manifest. @throws PLUGIN_INVALID when a schema cannot be rebuilt */
export function createRemotePlugin(manifest: PluginManifest, pool: ProcessPool): Plugin {
  const { name, version, apiVersion, tools, policies } = manifest;
  return {
    name,
    version,
    apiVersion,
    tools: tools.map((tool) => remoteTool(tool, pool)),
    scanners: manifest.scanners.map((scanner) => remoteExtension("scanners", scanner, pool) as Scanner),
    strategies: manifest.strategies.map((strategy) => remoteExtension("strategies", strategy, pool) as Strategy),
    credentialSources: manifest.credentialSources.map(
      (source) => remoteExtension("credentialSources", source, pool) as CredentialSource,
    ),
    policies,
    contextTypes: manifest.contextTypes.map((type) => remoteContextType(type)),
    // Their form was checked with the manifest.
    routingRules: manifest.routingRules as unknown as NonNullable<Plugin["routingRules"]>,
  };
}

/** An untrusted plugin's upgrades cannot run here: entries of its earlier versions are kept, and not served. */
function remoteContextType({ name, schema, version = 1, ttlMs, maxBytes }: ContextTypeManifest): ContextType {
  const cannot = (): never => {
    throw new TypeError(`context type ${name} is of an untrusted plugin, which cannot upgrade entries`);
  };
  const older = Array.from({ length: version - 1 }, (_none, index) => [index + 1, cannot]);
  return {
    name,
    schema: rebuild(`context type ${name}`, schema).schema,
    version,
    upgrades: Object.fromEntries(older) as NonNullable<ContextType["upgrades"]>,
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}

/** What a tool's process said beside its result, kept for as long as its input. */
interface Aside {
  readonly next: readonly NextStep[];
  readonly summary: string | undefined;
  readonly produced: ReadonlyMap<string, readonly ProducedEntry[]>;
}

/** So much of what the session knows is sent with a call beside the newest of each type, which always is. */
const LARGEST_ENTRIES = 128 * 1024;

function remoteTool(tool: ToolManifest, pool: ProcessPool): ToolDefinition {
  const { has, input, output, name } = tool;
  const checked = { input: rebuild(`tool ${name}`, input), output: rebuild(`tool ${name}`, output) };
  const asides = new WeakMap<object, Aside>();
  const call =
    (member: "run" | "dryRun") =>
    async (input: Record<string, unknown>, context: ToolContext): Promise<Record<string, unknown>> => {
      const entries = entriesFor(context);
      const message = { role: "tools", name, member, input, facts: factsOf(context), entries } as const;
      const done = await pool.call(message, handlersOf(context), context.signal);
      if (isTooCostly(done.result, checked.output.width))
        throw fail("OUTPUT_INVALID", `${name} returned more than its schema can be checked against`, {
          remedy: "Return fewer values, or describe them in a schema of fewer parts.",
        });
      asides.set(input, { next: done.next ?? [], summary: done.summary, produced: readProduced(done.produced) });
      return done.result as Record<string, unknown>;
    };
  const { has: _members, deadlineMs, session, durable, concurrency, retry, consumes, produces, ...said } = tool;
  return {
    ...said,
    input: checked.input.schema,
    output: checked.output.schema,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(session === undefined ? {} : { session }),
    ...(durable === undefined ? {} : { durable }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(retry === undefined ? {} : { retry: retry as NonNullable<ToolDefinition["retry"]> }),
    // What was told as JSON has no members that are undefined.
    ...(consumes === undefined ? {} : { consumes: consumes as NonNullable<ToolDefinition["consumes"]> }),
    ...(produces === undefined
      ? {}
      : {
          produces: produces.map((type) => ({
            type,
            from: (_result, input) => asides.get(input)?.produced.get(type) ?? [],
          })),
        }),
    run: call("run"),
    // Its process asks about what it acts on before it runs (S2): to the runtime it is a tool that says so.
    ...(has.includes("acts") ? { acts: () => ASKS_ITSELF } : {}),
    ...(has.includes("dryRun") ? { dryRun: call("dryRun") } : {}),
    ...(has.includes("undo") ? { undo: remoteUndo(name, pool) } : {}),
    ...(has.includes("next") ? { next: (_result, input) => asides.get(input)?.next ?? [] } : {}),
    // Without words of its own the runtime renders the result.
    ...(has.includes("summarize") ? { summarize: (_result, input) => asides.get(input)?.summary as string } : {}),
  };
}

function remoteUndo(name: string, pool: ProcessPool): NonNullable<ToolDefinition["undo"]> {
  return async (notes, context) => {
    const { sessionId, executionId } = context;
    const facts = { sessionId, executionId, correlationId: "", jobId: null, dryRun: false, attempt: 1 };
    await pool.call(
      { role: "tools", name, member: "undo", input: notes, facts },
      quietHandlers(context),
      context.signal,
    );
  };
}

function remoteExtension(role: RoleName, extension: ExtensionManifest, pool: ProcessPool): object {
  const facts: CallFacts = {
    sessionId: "",
    executionId: "",
    correlationId: "",
    jobId: null,
    dryRun: false,
    attempt: 1,
  };
  return {
    ...extension,
    [ROLES[role].method]: async (input: unknown, context: ExtensionContext) => {
      const message: Omit<CallMessage, "kind" | "id"> = {
        role,
        name: extension.name,
        member: "extension",
        input,
        facts,
      };
      return (await pool.call(message, quietHandlers(context), context.signal)).result;
    },
  };
}

function entriesFor(context: ToolContext): readonly ContextEntry[] {
  const types = new Set<string>();
  let left = LARGEST_ENTRIES;
  return offeredTo(context).filter(({ type, key, size }) => {
    const isNewest = !types.has(type);
    types.add(type);
    left -= size + key.length;
    return isNewest || left >= 0;
  });
}

function readProduced(produced: DoneMessage["produced"] = []): Aside["produced"] {
  return new Map(
    produced.map(({ type, entries }) => [
      type,
      entries.map(({ key, value, labels }) => (labels === undefined ? { key, value } : { key, value, labels })),
    ]),
  );
}

function rebuild(what: string, json: Readonly<Record<string, unknown>>): RebuiltSchema {
  try {
    return rebuildSchema(json);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "unknown reason";
    throw fail("PLUGIN_INVALID", `${what}: its schemas cannot be read: ${reason}`, { cause });
  }
}

function factsOf({ sessionId, executionId, correlationId, jobId, dryRun, attempt }: ToolContext): CallFacts {
  return { sessionId, executionId, correlationId, jobId, dryRun, attempt };
}

function handlersOf(context: ToolContext): CallHandlers {
  return {
    ...quietHandlers(context),
    onReport: (progress) => context.report(progress as Parameters<ToolContext["report"]>[0]),
    onMake: (note) => context.willMake(note),
    onTook: (entries) => {
      for (const { type, key } of entries) context.entry(type, key);
    },
    onFacts: (facts) => {
      const parsed = policyFacts.safeParse(facts);
      if (!parsed.success) throw fail("POLICY_DENIED", "the plugin asked the policies about facts of no known form");
      context.allow(parsed.data);
    },
  };
}

/** For what runs outside of an execution: it can log, and nothing else. */
function quietHandlers({ logger }: Pick<UndoContext, "logger">): CallHandlers {
  return {
    onReport: () => undefined,
    onLog: ({ level, message, fields }) => logger[level](message, fields === undefined ? {} : { plugin: fields }),
    onTook: () => undefined,
    onMake: () => Promise.reject(fail("INVALID_INPUT", "only a tool that runs may announce what it makes")),
    onFacts: () => {
      throw fail("POLICY_DENIED", "only a tool that runs may ask the policies");
    },
  };
}
