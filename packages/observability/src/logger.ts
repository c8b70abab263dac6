import { pino } from "pino";
import type { Redactor } from "./redaction/redactor.ts";
import { createLogSink } from "./stderr-sink.ts";

/** What may accompany a log line. What is no plain JSON is made such, see {@link Redactor.value}. */
export type LogFields = Readonly<Record<string, unknown>>;

/** How much is logged, from nothing to everything. */
export type LogLevel = "silent" | "error" | "warn" | "info" | "debug";

/** The role that libraries log through. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

/** The default of every library: says nothing, costs nothing. */
export const silentLogger: Logger = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  child: () => silentLogger,
};

/** How {@link createLogger} writes. */
export interface LoggerOptions {
  readonly level: LogLevel;
  readonly redactor: Redactor;
  /** Where lines go; stderr by default, because stdout belongs to the protocol. */
  readonly write?: (line: string) => void;
}

/** A logger of JSON lines on stderr, every line passed through the redactor. Never throws. */
export function createLogger({ level, redactor, write = createLogSink() }: LoggerOptions): Logger {
  if (level === "silent") return silentLogger;
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => write(clean(line, redactor)) },
  );
  return wrap(root, redactor);
}

function wrap(target: pino.Logger, redactor: Redactor): Logger {
  const log =
    (level: "error" | "warn" | "info" | "debug") =>
    (message: string, fields: LogFields = {}) => {
      if (!target.isLevelEnabled(level)) return;
      target[level](redactor.value(fields), redactor.text(message));
    };
  return {
    error: log("error"),
    warn: log("warn"),
    info: log("info"),
    debug: log("debug"),
    child: (fields) => wrap(target.child(redactor.value(fields)), redactor),
  };
}

/**
 * The last look at a whole line: a secret that was announced after a child's fields were fixed, or that only the line's
 * own form spells. Masked in the parsed line, because masking the text itself could break it; and only what was
 * announced, because what looks like a secret was masked before it was quoted.
 */
function clean(line: string, redactor: Redactor): string {
  if (redactor.announced(line) === line) return line;
  const again = `${JSON.stringify(redactor.value(JSON.parse(line)))}\n`;
  // What is still found lies across the line's own form, e.g. over two fields: then nothing of it is said.
  return redactor.announced(again) === again ? again : WITHHELD;
}

const WITHHELD = `${JSON.stringify({ msg: "[redacted]" })}\n`;
