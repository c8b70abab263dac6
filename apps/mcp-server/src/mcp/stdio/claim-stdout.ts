import type { Writable } from "node:stream";
import type { OutboxStream } from "./outbox.ts";

/**
 * Takes stdout for the protocol alone: whatever else writes to it from now on, `console.log` of a dependency included,
 * lands on stderr.
 *
 * @returns the only way left to the real stdout
 */
export function claimStdout(stdout: Writable, stderr: Writable): OutboxStream {
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- `bind` keeps only one of the overloads
  const write = stdout.write.bind(stdout) as Writable["write"];
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- the same
  stdout.write = stderr.write.bind(stderr) as Writable["write"];
  return {
    write,
    on: stdout.on.bind(stdout),
    get writableLength() {
      return stdout.writableLength;
    },
  };
}
