/**
 * The durable record of sessions, jobs, tool executions and errors.
 *
 * @packageDocumentation
 */
export const placeholder = true;
