import { pino } from "pino";
import type { Redactor } from "./redact.ts";

/** What may accompany a log line: plain JSON. */
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

/** A logger of JSON lines on stderr, every line passed through the redactor. */
export function createLogger({ level, redactor, write = writeStderr }: LoggerOptions): Logger {
  if (level === "silent") return silentLogger;
  const sink = { write: (line: string) => write(redactor.text(line)) };
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return wrap(root, redactor);
}

function wrap(target: pino.Logger, redactor: Redactor): Logger {
  const log =
    (level: "error" | "warn" | "info" | "debug") =>
    (message: string, fields: LogFields = {}) => {
      if (target.isLevelEnabled(level)) target[level](redactor.value(plain(fields)), redactor.text(message));
    };
  return {
    error: log("error"),
    warn: log("warn"),
    info: log("info"),
    debug: log("debug"),
    child: (fields) => wrap(target.child(redactor.value(plain(fields))), redactor),
  };
}

/** Errors become their message, code and stack; everything else stays. */
function plain(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? describe(value) : value]),
  );
}

function describe(error: Error): Record<string, unknown> {
  const code = "code" in error ? { code: error.code } : {};
  const cause = error.cause instanceof Error ? { cause: describe(error.cause) } : {};
  return { name: error.name, message: error.message, ...code, stack: error.stack, ...cause };
}

function writeStderr(line: string): void {
  process.stderr.write(line);
}
