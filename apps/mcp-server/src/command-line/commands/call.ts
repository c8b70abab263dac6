import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { fail } from "../../errors.ts";
import { toPlainText } from "../../text/plain.ts";
import { configure, credentialFlags, pluginFlags } from "../command.ts";
import type { Command, CredentialArguments, PluginArguments } from "../command.ts";
import { EXIT, exitStatusOf } from "../exit-status.ts";
import { canDraw } from "../host.ts";
import type { Host } from "../host.ts";
import { listenForInterruption } from "../interruption.ts";
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
      // With wait: false: the job that was promised is done by this process.
      await Promise.race([application.runtime.jobsDone(), aborted(interruption.signal)]);
      return EXIT.done;
    }
    output.failure(outcome.error, outcome);
    return exitStatusOf(outcome.error, interruption.happened);
  } finally {
    interruption.end();
    await application.close();
  }
};

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
