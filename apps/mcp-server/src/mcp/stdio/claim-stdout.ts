import type { Writable } from "node:stream";
import type { OutboxStream } from "./outbox.ts";

/**
 * Takes stdout for the protocol alone: whatever else writes to it from now on, `console.log` of a dependency included,
 * lands on stderr.
 *
 * @returns the only way left to the real stdout
 */
export function claimStdout(stdout: Writable, stderr: Writable): OutboxStream {
  const write = stdout.write.bind(stdout) as Writable["write"];
  stdout.write = stderr.write.bind(stderr) as Writable["write"];
  return {
    write,
    on: stdout.on.bind(stdout),
    get writableLength() {
      return stdout.writableLength;
    },
  };
}
