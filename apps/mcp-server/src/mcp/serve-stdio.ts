import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "./connection.ts";
import type { Served } from "./served.ts";
import { claimStdout } from "./stdio/claim-stdout.ts";
import { createStdioTransport } from "./stdio/transport.ts";
import { createToolList } from "./tool-list.ts";

/** The three streams of a process. */
export interface ProcessStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

export interface StdioServing {
  /** Resolves when the client is gone. */
  readonly closed: Promise<void>;
  /** Stops what runs, lets it be recorded and answered, and closes; takes no longer than its deadline. */
  drain(): Promise<void>;
}

const DRAIN_DEADLINE_MS = 10_000;
const FLUSH_DEADLINE_MS = 1_000;

/** Serves the one client at stdin and stdout; from now on stdout is the protocol's. */
export function serveStdio(streams: ProcessStreams, served: Served): StdioServing {
  const tools = createToolList(served.runtime);
  const transport = createStdioTransport({
    input: streams.stdin,
    output: claimStdout(streams.stdout, streams.stderr),
  });
  const connection = connect(transport, tools, served);
  return {
    closed: connection.closed,
    async drain() {
      await within(DRAIN_DEADLINE_MS, Promise.all([served.runtime.close(), connection.idle()]));
      await within(FLUSH_DEADLINE_MS, transport.flushed());
      connection.close();
    },
  };
}

async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  await Promise.race([work, delay(milliseconds, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
}
