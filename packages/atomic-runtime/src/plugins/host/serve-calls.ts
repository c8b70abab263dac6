/**
 * Runs the calls of one plugin in its own process and sends what came of them.
 *
 * - S1  The plugin's own schemas are asked here, with their refinements and transforms; the server checks once more
 *       what JSON Schema can say.
 * - S2  Before a tool runs, the policies are asked about what it says it is about to do.
 */
import type { ContextEntry } from "@container-kit/context-sharing";
import { describeIssues, summarizeIssues } from "../../issues.ts";
import { prepareConsumption } from "../../context/declarations.ts";
import { whyNotPlain } from "../../internal/plain.ts";
import type { Plugin, ToolContext, ToolDefinition } from "../../types.ts";
import type { CallMessage, ToPlugin } from "../messages.ts";
import { ROLES } from "../roles.ts";
import { askPolicy } from "./ask-policy.ts";
import { describeError, hostError } from "./describe-error.ts";

const LARGEST_RESULT = 1024 * 1024;
const LARGEST_NOTE = 64 * 1024;
const LONGEST_SUMMARY = 16_000;
/** Of all entries that a tool leaves: they travel with its result. */
const LARGEST_PRODUCED = 64 * 1024;

/** Takes the server's messages about calls. */
export interface Calls {
  take(message: Exclude<ToPlugin, { kind: "load" }>): void;
}

type Send = (message: object) => void;

interface RunningCall {
  readonly stop: AbortController;
  /** Settles the oldest note that the server has not kept yet. */
  readonly notes: ((error?: string) => void)[];
  /** The entries that the tool looked at. */
  readonly took: Set<ContextEntry>;
}

/** Serves calls of the plugin's functions. */
export function createCalls(plugin: Plugin, send: Send): Calls {
  const running = new Map<number, RunningCall>();

  const start = async (message: CallMessage): Promise<void> => {
    const call: RunningCall = { stop: new AbortController(), notes: [], took: new Set() };
    running.set(message.id, call);
    try {
      const tool = message.role === "tools" ? toolOf(plugin, message) : undefined;
      const context = contextOf({ message, call, tool }, send);
      const done =
        tool === undefined ? await runExtension(plugin, message, context) : await runTool(tool, message, context);
      send({ kind: "done", id: message.id, ...done, took: namesOf(call.took) });
    } catch (error) {
      send({ kind: "failed", id: message.id, error: describeError(error), took: namesOf(call.took) });
    } finally {
      running.delete(message.id);
    }
  };

  return {
    take(message) {
      if (message.kind === "call") return void start(message);
      const call = running.get(message.id);
      if (message.kind === "kept") return call?.notes.shift()?.(message.error);
      return call?.stop.abort(hostError(message.code, message.message));
    },
  };
}

function toolOf(plugin: Plugin, { name }: CallMessage): ToolDefinition {
  const tool = plugin.tools.find((one) => one.name === name);
  if (tool === undefined) throw new TypeError(`expected a tool of this plugin, got ${name}`);
  return tool;
}

function namesOf(took: ReadonlySet<ContextEntry>): readonly Pick<ContextEntry, "type" | "key">[] {
  return [...took].map(({ type, key }) => ({ type, key }));
}

async function runTool(tool: ToolDefinition, message: CallMessage, context: ToolContext): Promise<object> {
  if (message.member === "undo") {
    await tool.undo?.(message.input as readonly unknown[], context);
    return { result: null };
  }
  const parsed = tool.input.safeParse(message.input);
  if (!parsed.success) throw notValid("INVALID_INPUT", `the input of ${tool.name} is not valid`, parsed.error.issues);
  const input = parsed.data;
  const facts = tool.acts?.(input);
  if (facts !== undefined) context.allow(facts);
  const dry = message.member === "dryRun" ? tool.dryRun?.(input, context) : undefined;
  const returned: unknown = await (dry ?? tool.run(input, context));
  const output = tool.output.safeParse(returned);
  if (!output.success)
    throw notValid(
      "OUTPUT_INVALID",
      `${tool.name} returned what its output schema does not allow`,
      output.error.issues,
    );
  const result = output.data;
  checkPlain(tool.name, result);
  const said = aside(tool, result, input);
  return message.member === "dryRun" || message.facts.dryRun
    ? { result, ...said }
    : { result, ...said, ...produced(tool, result, input) };
}

/** What a tool leaves for later ones. It must not cost the result. */
function produced(tool: ToolDefinition, result: Record<string, unknown>, input: Record<string, unknown>): object {
  try {
    const all = (tool.produces ?? []).map((one) => ({ type: one.type, entries: one.from(result, input) }));
    const problem = whyNotPlain(all, LARGEST_PRODUCED);
    if (problem !== undefined) throw new TypeError(`${problem.path} ${problem.message}`);
    return all.length === 0 ? {} : { produced: all };
  } catch (error) {
    process.stderr.write(`${tool.name}: what it leaves for later tools is dropped: ${describeError(error).message}\n`);
    return {};
  }
}

async function runExtension(plugin: Plugin, message: CallMessage, context: ToolContext): Promise<object> {
  if (message.role === "tools") throw new TypeError("expected a role that is not tools");
  const role = ROLES[message.role];
  const extension = plugin[message.role]?.find(({ name }) => name === message.name);
  if (extension === undefined) throw new TypeError(`expected one of the plugin's ${message.role}, got ${message.name}`);
  const act = (extension as unknown as Record<string, unknown>)[role.method] as (
    ...args: unknown[]
  ) => Promise<unknown>;
  const returned = await act.call(extension, message.input, { signal: context.signal, logger: context.logger });
  const parsed = role.result.safeParse(returned);
  if (!parsed.success)
    throw notValid("OUTPUT_INVALID", `${message.name} returned what its role does not allow`, parsed.error.issues);
  checkPlain(message.name, parsed.data);
  return { result: parsed.data };
}

function checkPlain(name: string, result: unknown): void {
  const problem = whyNotPlain(result, LARGEST_RESULT);
  if (problem === undefined) return;
  const where = problem.path === "" ? "it" : problem.path;
  throw hostError("OUTPUT_INVALID", `${name} returned what cannot be sent: ${where} ${problem.message}`, {
    issues: [problem],
  });
}

/** What a tool says beside its result. It must not cost the result. */
function aside(tool: ToolDefinition, result: Record<string, unknown>, input: Record<string, unknown>): object {
  try {
    const next = tool.next?.(result, input);
    const summary = tool.summarize?.(result, input);
    return {
      ...(next === undefined ? {} : { next }),
      ...(typeof summary === "string" ? { summary: summary.slice(0, LONGEST_SUMMARY) } : {}),
    };
  } catch (error) {
    process.stderr.write(`${tool.name}: next or summarize broke: ${describeError(error).message}\n`);
    return {};
  }
}

function notValid(
  code: "INVALID_INPUT" | "OUTPUT_INVALID",
  what: string,
  raw: Parameters<typeof describeIssues>[0],
): Error {
  const issues = describeIssues(raw, []);
  return hostError(code, `${what}: ${summarizeIssues(issues)}`, { issues });
}

interface Served {
  readonly message: CallMessage;
  readonly call: RunningCall;
  readonly tool: ToolDefinition | undefined;
}

function contextOf({ message, call, tool }: Served, send: Send): ToolContext {
  const { id, facts, member, entries = [] } = message;
  const { stop, notes, took } = call;
  const log =
    (level: string) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void =>
      send({
        kind: "log",
        id,
        level,
        message: message.slice(0, 2_000),
        ...(fields === undefined ? {} : { fields }),
      });
  const logger = {
    error: log("error"),
    warn: log("warn"),
    info: log("info"),
    debug: log("debug"),
    child: () => logger,
  };
  return {
    ...facts,
    signal: stop.signal,
    logger,
    report: (progress) => send({ kind: "report", id, progress }),
    allow: askPolicy,
    entry(type, key) {
      const declared = tool?.consumes?.find((one) => one.type === type);
      if (declared === undefined) throw new TypeError(`expected ${message.name} to declare ${type} in consumes`);
      const wanted = key ?? prepareConsumption(declared).keyOf(message.input as Record<string, unknown>);
      const found = entries.find((entry) => entry.type === type && (wanted === undefined || entry.key === wanted));
      if (found !== undefined) took.add(found);
      return found;
    },
    request: async () => {
      throw hostError("POLICY_DENIED", `${message.name} may not ask other tools: only a trusted plugin may`);
    },
    jobFolder: async () => {
      throw new TypeError("expected a trusted plugin to ask for a job folder: an untrusted one writes no files");
    },
    willMake(note) {
      if (member === "undo") throw new TypeError("expected a running tool to announce what it makes, got an undo");
      const problem = whyNotPlain(note, LARGEST_NOTE);
      if (problem !== undefined) throw new TypeError(`expected a plain note, got one that ${problem.message}`);
      return new Promise<void>((resolve, reject) => {
        notes.push((error) => (error === undefined ? resolve() : reject(new TypeError(error))));
        send({ kind: "make", id, note });
      });
    },
  };
}
