/**
 * Runs the calls of one plugin in its own process and sends what came of them.
 *
 * - S1  The plugin's own schemas are asked here, with their refinements and transforms; the server checks once more
 *       what JSON Schema can say.
 * - S2  Before a tool runs, the policies are asked about what it says it is about to do.
 */
import { describeIssues, summarizeIssues } from "../../issues.ts";
import { whyNotPlain } from "../../internal/plain.ts";
import type { Plugin, ToolContext, ToolDefinition } from "../../types.ts";
import type { CallMessage, ToPlugin } from "../messages.ts";
import { ROLES } from "../roles.ts";
import { askPolicy } from "./ask-policy.ts";
import { describeError, hostError } from "./describe-error.ts";

const LARGEST_RESULT = 1024 * 1024;
const LARGEST_NOTE = 64 * 1024;
const LONGEST_SUMMARY = 16_000;

/** Takes the server's messages about calls. */
export interface Calls {
  take(message: Exclude<ToPlugin, { kind: "load" }>): void;
}

type Send = (message: object) => void;

interface RunningCall {
  readonly stop: AbortController;
  /** Settles the oldest note that the server has not kept yet. */
  readonly notes: ((error?: string) => void)[];
}

/** Serves calls of the plugin's functions. */
export function createCalls(plugin: Plugin, send: Send): Calls {
  const running = new Map<number, RunningCall>();

  const start = async (message: CallMessage): Promise<void> => {
    const call: RunningCall = { stop: new AbortController(), notes: [] };
    running.set(message.id, call);
    try {
      const context = contextOf(message, call, send);
      const done =
        message.role === "tools"
          ? await runTool(plugin, message, context)
          : await runExtension(plugin, message, context);
      send({ kind: "done", id: message.id, ...done });
    } catch (error) {
      send({ kind: "failed", id: message.id, error: describeError(error) });
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

async function runTool(plugin: Plugin, message: CallMessage, context: ToolContext): Promise<object> {
  const tool = plugin.tools.find(({ name }) => name === message.name);
  if (tool === undefined) throw new TypeError(`expected a tool of this plugin, got ${message.name}`);
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
  return { result, ...aside(tool, result, input) };
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

function contextOf({ id, facts, member }: CallMessage, { stop, notes }: RunningCall, send: Send): ToolContext {
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
