import type { Readable, Writable } from "node:stream";

/** A stream that may be a terminal. */
export type TerminalStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** What the program needs of the process it runs in; a test hands in its own. */
export interface Host {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  /** Calls back for each request to stop; until the returned function is called, the process does not end by itself. */
  onStop(listener: (signal: NodeJS.Signals) => void): () => void;
  /** Ends the process at once. */
  exit(status: number): void;
}

/** Whether progress may be drawn: on a terminal that wants it, for a person. */
export function canDraw(host: Host): boolean {
  const { environment, stderr } = host;
  const said = (name: string): boolean => (environment[name] ?? "") !== "";
  return stderr.isTTY === true && !said("CI") && !said("NO_COLOR") && environment["TERM"] !== "dumb";
}
