/**
 * The few constants of the protocol that every connection needs. They are the SDK's, and a test says so: importing them
 * from there would make the program load and build all of its schemas before the first message.
 */

/** The revisions of MCP that are spoken here, newest first. */
export const PROTOCOL_VERSIONS: readonly string[] = [
  "2025-11-25",
  "2025-06-18",
  "2025-03-26",
  "2024-11-05",
  "2024-10-07",
];

/** Error codes of JSON-RPC. */
export const PROTOCOL_ERROR = {
  parse: -32_700,
  invalidRequest: -32_600,
  methodNotFound: -32_601,
  invalidParams: -32_602,
  internal: -32_603,
} as const;
