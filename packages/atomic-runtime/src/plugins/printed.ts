/**
 * What a plugin prints, as lines of our log: never on our stdout, bounded in length and number.
 */
import type { Readable } from "node:stream";
import type { Logger } from "@container-kit/observability";

const LONGEST_LINE = 2_000;
const LOGGED_BYTES = 64 * 1024;
const MOST_BYTES = 8 * 1024 * 1024;

/** Counts what is printed in one call. */
export interface Printed {
  /** A new call begins: its budget is whole. */
  begin(): void;
}

/** Reads both streams to their end, whatever comes. @param onFlood told once when a call printed more than 8 MiB */
export function logPrinted(
  streams: Readonly<Record<"stdout" | "stderr", Readable>>,
  logger: Logger,
  onFlood: () => void,
): Printed {
  let logged = 0;
  let seen = 0;
  for (const [stream, readable] of Object.entries(streams)) {
    let rest = "";
    const log = (text: string): void => {
      if (text.trim() === "" || logged > LOGGED_BYTES) return;
      logged += text.length;
      if (logged > LOGGED_BYTES) logger.warn("the plugin prints too much; the rest of this call is dropped");
      else logger.info("the plugin printed", { stream, text: text.slice(0, LONGEST_LINE) });
    };
    readable.setEncoding("utf8");
    readable.on("data", (chunk: string) => {
      seen += chunk.length;
      if (seen > MOST_BYTES) return onFlood();
      if (logged > LOGGED_BYTES) return undefined;
      const lines = (rest + chunk).split("\n");
      rest = (lines.pop() ?? "").slice(0, LONGEST_LINE);
      for (const line of lines) log(line);
      return undefined;
    });
    readable.on("end", () => log(rest));
    readable.on("error", () => undefined);
  }
  return {
    begin() {
      logged = 0;
      seen = 0;
    },
  };
}
