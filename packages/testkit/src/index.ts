/**
 * A real engine, a real authenticated registry and a real MCP client for tests.
 *
 * @packageDocumentation
 */
export const placeholder = true;
