import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import type { ToolFailure, ToolSuccess } from "@container-kit/atomic-runtime";
import { toErrorResult } from "@container-kit/errors";
import { fail } from "../../errors.ts";
import { toPlainText } from "../../text/plain.ts";
import type { Application } from "../../wiring.ts";
import { configure, credentialFlags, pluginFlags } from "../command.ts";
import type { Command, CommandContext, CredentialArguments, PluginArguments } from "../command.ts";
import { EXIT, exitStatusOf } from "../exit-status.ts";
import { canDraw } from "../host.ts";
import type { Host } from "../host.ts";
import { listenForInterruption } from "../interruption.ts";
import type { Interruption } from "../interruption.ts";
import { describeError } from "../output.ts";
import { describeRouting } from "../routing-words.ts";
import { createProgressView } from "../progress-view.ts";

/** The arguments of `call`. */
export interface CallArguments extends CredentialArguments, PluginArguments {
  readonly tool: string;
  readonly input: string;
  readonly session?: string;
  readonly root?: readonly string[];
}

/** `call`: one tool through the same runtime as over MCP. */
export const call: Command<CallArguments> = async (args, context) => {
  const { tool, input, session, root } = args;
  const { host, output } = context;
  const given = await readInput(input, host);
  const config = await configure(context, {
    ...credentialFlags(args),
    ...pluginFlags(args),
    ...(root === undefined ? {} : { roots: root }),
  });
  const { openApplication } = await import("../../wiring.ts");
  const paths = root === undefined ? { terminal: true as const } : { roots: config.roots ?? [] };
  const application = await openApplication(config, {
    paths,
    toolsets: config.toolsets ?? "all",
    environment: host.environment,
  });
  const interruption = listenForInterruption(host);
  const view = createProgressView({
    style: output.mode === "text" && canDraw(host) ? "bars" : "silent",
    stream: host.stderr,
  });
  try {
    view.begin(tool);
    const outcome = await application.runtime.execute({
      tool,
      input: session === undefined ? given : withSession(given, session),
      mayDetach: false,
      signal: interruption.signal,
      onProgress: (progress) => {
        view.update(progress);
        output.event({ type: "progress", ...progress });
      },
    });
    view.end();
    if (outcome.ok) {
      output.text(toPlainText(application.runtime.render(outcome)));
      output.document(outcome);
      return isUnderWay(outcome) ? await endOfJob(application, outcome.jobId, context, interruption) : EXIT.done;
    }
    output.failure(outcome.error, outcome);
    if (outcome.routing !== undefined) output.note(describeRouting(outcome.routing));
    return exitStatusOf(outcome.error, interruption.happened);
  } finally {
    interruption.end();
    await application.close();
  }
};

/** With `wait: false` the outcome is a job that has just begun. */
function isUnderWay(outcome: ToolSuccess): outcome is ToolSuccess & { readonly jobId: string } {
  return outcome.jobId !== undefined && outcome.result["jobId"] === outcome.jobId;
}

/** The job that was promised is done by this process, which ends as the job does. */
async function endOfJob(
  { runtime, sessions }: Application,
  jobId: string,
  { output }: CommandContext,
  interruption: Interruption,
): Promise<number> {
  await Promise.race([runtime.jobsDone(), aborted(interruption.signal)]);
  if (interruption.happened) await runtime.close();
  try {
    const { status, outcome } = await sessions.getJob(jobId);
    output.note(`${jobId}: ${status}`);
    if (status === "completed") return EXIT.done;
    const { error, routing } = (outcome ?? {}) as Partial<ToolFailure>;
    if (error === undefined) return EXIT.failed;
    output.note(describeError(error));
    if (routing !== undefined) output.note(describeRouting(routing));
    return exitStatusOf(error, interruption.happened);
  } catch (thrown) {
    // The one document has been printed; how the job ended is in the record all the same.
    const error = toErrorResult(thrown);
    output.note(describeError(error));
    return exitStatusOf(error);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** Reads the tool's arguments. @throws INVALID_INPUT NOT_FOUND */
async function readInput(given: string, host: Host): Promise<unknown> {
  const json = await readJson(given, host);
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    // The parser's own words quote the text, which may hold what it should not.
    const place = /at position \d+/.exec((error as Error).message)?.[0];
    throw fail("INVALID_INPUT", `--input is not JSON${place === undefined ? "" : ` ${place}`}`, {
      remedy: "Give the tool's arguments as one JSON object, as @file, or as - to read them from stdin.",
    });
  }
}

async function readJson(given: string, host: Host): Promise<string> {
  if (given === "-") return text(host.stdin);
  if (!given.startsWith("@")) return given;
  const path = resolve(host.workingDirectory, given.slice(1));
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw fail("NOT_FOUND", `--input names ${path}, which cannot be read`, { cause: error });
  }
}

/** What is not an object goes on as it is: the runtime says what is wrong with it. */
function withSession(input: unknown, sessionId: string): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return input;
  return { ...(input as Record<string, unknown>), sessionId } satisfies Record<string, unknown>;
}
