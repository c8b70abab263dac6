/**
 * A logger that is silent by default, writes to stderr and cannot print a secret.
 *
 * @packageDocumentation
 */

// Logging: libraries take a `Logger` and default to `silentLogger`; the program makes the real one.
export { createLogger, silentLogger } from "./logger.ts";
export type { LogFields, Logger, LoggerOptions, LogLevel } from "./logger.ts";

// Secrets: a type that cannot be printed, and the choke point that masks what slips into text.
export { MASK, Secret } from "./secret.ts";
export { createRedactor } from "./redact.ts";
export type { Redactor, RedactorOptions } from "./redact.ts";
