/**
 * The real server as a real MCP client sees it, with what the SDK's own stdio transport hides: every byte of stdout,
 * the whole of stderr, the process id and the way it ended.
 */
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import type { ClientOptions } from "@modelcontextprotocol/sdk/client/index.js";
import { ReadBuffer, serializeMessage } from "@modelcontextprotocol/sdk/shared/stdio.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { mergeEnvironment } from "./run-cli.ts";

/** How the program under test is started. */
export interface SpawnServerOptions {
  /** The program's file, run with this Node. */
  readonly cli: string;
  /** `["serve"]` by default. */
  readonly args?: readonly string[];
  /** Added to this process's environment; an undefined value removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** What the client says it can do. */
  readonly client?: ClientOptions;
}

/** How a process ended. */
export interface ServerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The program under test with a client that is connected to it. */
export interface SpawnedServer {
  /** Connected: the handshake is done. */
  readonly client: Client;
  readonly pid: number;
  /** What the server wrote to stderr so far. */
  readonly stderr: () => string;
  /** Every byte that the server wrote to stdout so far. */
  readonly stdout: () => Buffer;
  /** Lines of stdout that are not a JSON-RPC message; a pure server has none. */
  readonly impurities: () => readonly string[];
  /** Settles when the process has ended, however it ended. */
  readonly exited: Promise<ServerExit>;
  /** Sends a signal; SIGKILL by default. */
  readonly kill: (signal?: NodeJS.Signals) => Promise<ServerExit>;
  /** Closes the server's stdin, as a client that goes away does, and waits; insists with SIGKILL after 5 s. */
  readonly close: () => Promise<ServerExit>;
}

/** Starts the server and connects a client to it over stdio. */
export async function spawnServer(options: SpawnServerOptions): Promise<SpawnedServer> {
  const child = spawn(process.execPath, [options.cli, ...(options.args ?? ["serve"])], {
    cwd: options.cwd,
    env: mergeEnvironment(options.env),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const exited = new Promise<ServerExit>((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
  const endWithUs = (): void => void child.kill("SIGKILL");
  process.once("exit", endWithUs);
  void exited.then(() => process.off("exit", endWithUs));
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  const stderrText = (): string => Buffer.concat(stderr).toString("utf8");
  const kill = async (signal: NodeJS.Signals = "SIGKILL"): Promise<ServerExit> => {
    child.kill(signal);
    return exited;
  };
  const client = new Client({ name: "container-kit-testkit", version: "0.0.0" }, options.client);
  try {
    await client.connect(new ChildTransport(child));
  } catch (cause) {
    await kill();
    throw new Error(`the server did not answer the handshake; its stderr:\n${stderrText()}`, { cause });
  }
  return {
    client,
    pid: child.pid ?? 0,
    stderr: stderrText,
    stdout: () => Buffer.concat(stdout),
    impurities: () => findImpurities(Buffer.concat(stdout)),
    exited,
    kill,
    close: () => closeServer(child, exited),
  };
}

/** Lines that are not JSON-RPC messages; the last one may still be on its way and is not judged. */
function findImpurities(stdout: Buffer): readonly string[] {
  const lines = stdout.toString("utf8").split("\n").slice(0, -1);
  return lines.filter((line) => {
    try {
      const message = JSON.parse(line) as { jsonrpc?: unknown } | null;
      return message?.jsonrpc !== "2.0";
    } catch {
      return true;
    }
  });
}

async function closeServer(child: ChildProcessWithoutNullStreams, exited: Promise<ServerExit>): Promise<ServerExit> {
  child.stdin.end();
  const insist = setTimeout(() => child.kill("SIGKILL"), 5_000);
  try {
    return await exited;
  } finally {
    clearTimeout(insist);
  }
}

/** The SDK's stdio framing over a process that we hold ourselves. */
class ChildTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: NonNullable<Transport["onmessage"]>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #buffer = new ReadBuffer();

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
  }

  start(): Promise<void> {
    this.#child.once("error", (error) => this.onerror?.(error));
    this.#child.once("close", () => this.onclose?.());
    // A server that is gone makes writing fail; the client learns it from the close.
    this.#child.stdin.on("error", () => undefined);
    this.#child.stdout.on("data", (chunk: Buffer) => {
      this.#buffer.append(chunk);
      this.#deliver();
    });
    return Promise.resolve();
  }

  send(message: Parameters<Transport["send"]>[0]): Promise<void> {
    this.#child.stdin.write(serializeMessage(message));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#child.stdin.end();
    return Promise.resolve();
  }

  /** A line that is no message is reported and the next one is read: `impurities` tells the test. */
  #deliver(): void {
    for (;;) {
      try {
        const message = this.#buffer.readMessage();
        if (message === null) return;
        this.onmessage?.(message);
      } catch (error) {
        this.onerror?.(error as Error);
      }
    }
  }
}
