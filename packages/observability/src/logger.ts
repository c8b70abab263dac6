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

/**
 * A logger of JSON lines on stderr, every line passed through the redactor.
 *
 * - L1  It never throws, whatever it is handed.
 * - L2  What a line says of itself (level, time, message) and the fields of its logger are what they say: a field of the
 *       same name is told with `_` before it.
 * - L3  A line is bounded: of one that is too long, each long part is cut.
 */
export function createLogger({ level, redactor, write = createLogSink() }: LoggerOptions): Logger {
  if (level === "silent") return silentLogger;
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => write(bounded(clean(line, redactor))) },
  );
  return wrap(root, redactor, new Set(["level", "time", "msg"]));
}

function wrap(target: pino.Logger, redactor: Redactor, taken: ReadonlySet<string>): Logger {
  const log =
    (level: "error" | "warn" | "info" | "debug") =>
    (message: string, fields: LogFields = {}) => {
      if (!target.isLevelEnabled(level)) return;
      const line = lineOf(message, fields);
      target[level](apart(redactor.value(line.fields), taken), redactor.text(line.message));
    };
  return {
    error: log("error"),
    warn: log("warn"),
    info: log("info"),
    debug: log("debug"),
    child(fields) {
      const own = apart(redactor.value(lineOf("", fields).fields), taken);
      return wrap(target.child(own), redactor, new Set([...taken, ...Object.keys(own)]));
    },
  };
}

/** L1: who writes JavaScript may have handed in something else, e.g. the fields first. */
function lineOf(message: unknown, fields: unknown): { readonly message: string; readonly fields: LogFields } {
  const plain = typeof fields === "object" && fields !== null ? (fields as LogFields) : undefined;
  if (typeof message === "string") return { message, fields: plain ?? { value: fields } };
  return { message: typeof fields === "string" ? fields : "", fields: { ...plain, value: message } };
}

/** L2 */
function apart(fields: LogFields, taken: ReadonlySet<string>): LogFields {
  const names = Object.keys(fields);
  if (!names.some((name) => taken.has(name))) return fields;
  return Object.fromEntries(names.map((name) => [taken.has(name) ? `_${name}` : name, fields[name]]));
}

const LONGEST_LINE = 64 * 1024;
const LONGEST_PART = 1024;
const MOST_PARTS = 48;

/** L3. What is cut has been masked before. */
function bounded(line: string): string {
  if (line.length <= LONGEST_LINE) return line;
  const parts = Object.entries(JSON.parse(line) as LogFields);
  const kept = [...parts.slice(0, MOST_PARTS), ...parts.slice(MOST_PARTS).filter(([name]) => name === "msg")];
  return `${JSON.stringify(Object.fromEntries(kept.map(([name, value]) => [cut(name), shortened(value)])))}\n`;
}

function shortened(value: unknown): unknown {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length <= LONGEST_PART ? value : cut(text);
}

function cut(text: string): string {
  return text.length <= LONGEST_PART ? text : `${text.slice(0, LONGEST_PART)}… [${text.length} characters]`;
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
