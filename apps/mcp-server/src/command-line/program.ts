import { Command, InvalidArgumentError, Option } from "commander";
import type { Command as Run, CommandContext } from "./command.ts";
import type { Does } from "./does.ts";
import type { Host } from "./host.ts";
import { createOutput } from "./output.ts";
import type { OutputMode } from "./output.ts";
import { addPlugins, plugin } from "./plugin-commands.ts";
import { addRouting } from "./routing-commands.ts";
import { addSessions } from "./session-commands.ts";

interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly jsonStream?: boolean;
}

/** Hears how the command line went. */
export interface Listener {
  /** The status that a command ends with. */
  readonly ended: (status: number) => void;
  /** The help, where it is shown because no command was named. */
  readonly help: (text: string) => void;
}

const SEVERITIES = ["critical", "high", "medium", "low"] as const;

/**
 * The commands and their flags. Each command's code is loaded only when it is called, so that the server and a quick
 * `--version` do not pay for the rest.
 */
export function createProgram(host: Host, version: string, { ended, help }: Listener): Command {
  const program = new Command("container-kit")
    .description("From a repository to a pushed, verified container image: an MCP server and a command line.")
    .version(version, "-V, --version", "print the version")
    .option("--config <file>", "configuration file to use in place of the user's")
    .option("--json", "print one JSON document on stdout")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: help,
      outputError: () => {},
    })
    .showSuggestionAfterError()
    .exitOverride();

  const does =
    <Arguments>(load: () => Promise<Run<Arguments>>, read: (command: Command) => Arguments) =>
    async (...parameters: unknown[]): Promise<void> => {
      const command = parameters.at(-1) as Command;
      const context = contextOf(host, command.optsWithGlobals<GlobalOptions>());
      const run = await load();
      ended(await run(read(command), context));
    };

  addServe(program, does);
  addContainerize(program, does);
  addCall(program, does);
  program
    .command("tools")
    .description("every tool with its schemas")
    .addOption(plugin())
    .action(
      does(
        async () => (await import("./commands/tools.ts")).tools,
        (command) => command.opts(),
      ),
    );
  addSessions(program, does);
  addRouting(program, does);
  addPlugins(program, does);
  addDoctor(program, does);
  addConfig(program, does);
  return program;
}

function addServe(program: Command, does: Does): void {
  program
    .command("serve")
    .description("the MCP server, on stdin and stdout")
    .addOption(new Option("--transport <name>", "how clients connect").choices(["stdio", "http"]).default("stdio"))
    .option("--host <host>", "address to listen on, with --transport http")
    .option("--port <port>", "port to listen on, with --transport http", readPort)
    .option("--toolsets <names>", "toolsets to offer, separated by commas", readList)
    .option("--read-only", "offer only tools that change nothing")
    .option("--root <dir...>", "folder that tools may read and write; may be repeated")
    .option("--otlp <url>", "send traces and measurements to this OpenTelemetry collector, e.g. http://localhost:4318")
    .option("--metrics-port <port>", "give out /metrics and /health on 127.0.0.1; 0 takes a free port", readPort)
    .addOption(plugin())
    .addOption(registryCredentials())
    .action(
      does(
        async () => (await import("./commands/serve.ts")).serve,
        (command) => command.opts(),
      ),
    );
}

function addContainerize(program: Command, does: Does): void {
  program
    .command("containerize")
    .description("take a repository to an image: analyse, write the Dockerfile, build, run, push")
    .argument("<path>", "the repository")
    .option("--image <reference>", "name of the image; made from the package's name and version by default")
    .option("--push <reference>", "push the image under this reference and read its digest back")
    .option("--no-scan", "leave the scan out")
    .addOption(new Option("--fail-on <severity>", "refuse images with findings of this severity").choices(SEVERITIES))
    .option("--dry-run", "say what would be done, change nothing")
    .addOption(registryCredentials())
    .option("--json-stream", "print NDJSON events on stdout, the result last")
    .action(
      does(
        async () => (await import("./commands/containerize.ts")).containerize,
        (command) => ({ ...command.opts<object>(), path: command.args[0] as string }),
      ),
    );
}

function addCall(program: Command, does: Does): void {
  program
    .command("call")
    .description("call one tool, exactly as MCP would")
    .argument("<tool>", "name of the tool")
    .option("--input <json>", "its arguments: JSON, @file, or - for stdin", "{}")
    .option("--session <id>", "session to work in; a new one by default")
    .option("--root <dir>", "folder that the tool may touch; may be repeated", collect)
    .addOption(plugin())
    .addOption(registryCredentials())
    .option("--json-stream", "print NDJSON events on stdout, the result last")
    .action(
      does(
        async () => (await import("./commands/call.ts")).call,
        (command) => ({ ...command.opts<{ input: string }>(), tool: command.args[0] as string }),
      ),
    );
}

function addDoctor(program: Command, does: Does): void {
  program
    .command("doctor")
    .description("what is missing or broken, and the one next step for each")
    .addOption(registryCredentials())
    .action(
      does(
        async () => (await import("./commands/doctor.ts")).doctor,
        (command) => command.opts(),
      ),
    );
}

function addConfig(program: Command, does: Does): void {
  program
    .command("config")
    .description("the configuration file")
    .command("schema")
    .description("print the JSON Schema of container-kit.yaml")
    .action(
      does(
        async () => (await import("./commands/config-schema.ts")).configSchema,
        () => undefined,
      ),
    );
}

function contextOf(host: Host, { config, json, jsonStream }: GlobalOptions): CommandContext {
  const mode: OutputMode = jsonStream === true ? "stream" : json === true ? "json" : "text";
  return { host, output: createOutput(host, mode), configFile: config };
}

function readList(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.some((name) => name === "")) throw new InvalidArgumentError("Expected names separated by commas.");
  return names;
}

function readPort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError("Expected 0 to 65535.");
  return port;
}

/** Checked where the configuration is put together: what commander refuses, it repeats. */
function registryCredentials(): Option {
  return new Option(
    "--registry-credentials <reference>",
    "[REGISTRY=]env:USER_VARIABLE,PASSWORD_VARIABLE or [REGISTRY=]file:PATH, before the docker configuration; without REGISTRY= for every registry that a call names; may be repeated",
  ).argParser(collect);
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
