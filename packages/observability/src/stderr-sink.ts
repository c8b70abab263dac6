/**
 * Where log lines go: stderr, because stdout belongs to the protocol.
 *
 * - E1  A reader that went away, or that does not read, harms nothing: what it cannot take is dropped, never awaited,
 *       and never reported through the log itself.
 * - E2  What was dropped is counted, and told with the next line that goes through.
 */

/** The part of a writable stream that a log needs. */
export interface LogStream {
  readonly writableLength: number;
  readonly destroyed: boolean;
  write(text: string): boolean;
  on(event: "error", listener: () => void): unknown;
}

/** How much may wait for a reader that does not read. */
const MOST_WAITING = 1_048_576;

/** A function that writes lines to a stream and keeps E1 and E2. The stream is looked up at the first line. */
export function createLogSink(stream: () => LogStream = () => process.stderr): (line: string) => void {
  let target: LogStream | undefined;
  let dropped = 0;
  return (line) => {
    try {
      target ??= listened(stream());
      if (target.destroyed || target.writableLength > MOST_WAITING) {
        dropped += 1;
        return;
      }
      if (dropped > 0) target.write(`${JSON.stringify({ level: "warn", dropped, msg: "Log lines were dropped." })}\n`);
      dropped = 0;
      target.write(line);
    } catch {
      // E1: there is nowhere left to say it.
      dropped += 1;
    }
  };
}

/** Without a listener a broken pipe would end the process. */
function listened(stream: LogStream): LogStream {
  stream.on("error", () => {});
  return stream;
}
