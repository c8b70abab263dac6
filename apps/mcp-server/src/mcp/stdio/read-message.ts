import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";

/**
 * Whether a parsed line is a message of JSON-RPC 2.0 as MCP restricts it.
 *
 * The SDK's schemas say the same, and cost more than the rest of a call's way through this process; a test holds the two
 * side by side.
 */
export function isMessage(value: unknown): value is JSONRPCMessage {
  if (!isObject(value) || value["jsonrpc"] !== "2.0") return false;
  if ("method" in value) return isIncoming(value);
  return "result" in value ? isResult(value) : isError(value);
}

type Fields = Readonly<Record<string, unknown>>;

const INCOMING = new Set(["jsonrpc", "id", "method", "params"]);
const RESULT = new Set(["jsonrpc", "id", "result"]);
const ERROR = new Set(["jsonrpc", "id", "error"]);

function isIncoming(message: Fields): boolean {
  const { id, method, params } = message;
  if (typeof method !== "string" || !hasOnly(message, INCOMING)) return false;
  if ("id" in message && !isId(id)) return false;
  return params === undefined || hasMeta(params);
}

function isResult(message: Fields): boolean {
  return isId(message["id"]) && hasMeta(message["result"]) && hasOnly(message, RESULT);
}

function isError(message: Fields): boolean {
  const { id, error } = message;
  if ((id !== undefined && !isId(id)) || !hasOnly(message, ERROR) || !isObject(error)) return false;
  return Number.isSafeInteger(error["code"]) && typeof error["message"] === "string";
}

/** An object whose `_meta`, where it has one, is as MCP wants it. */
function hasMeta(value: unknown): boolean {
  if (!isObject(value)) return false;
  const meta = value["_meta"];
  if (meta === undefined) return true;
  if (!isObject(meta)) return false;
  const { progressToken: token, "io.modelcontextprotocol/related-task": task } = meta;
  if (token !== undefined && !isId(token)) return false;
  return task === undefined || (isObject(task) && typeof task["taskId"] === "string");
}

function isId(value: unknown): boolean {
  return typeof value === "string" || Number.isSafeInteger(value);
}

function hasOnly(value: Fields, known: ReadonlySet<string>): boolean {
  for (const name in value) if (!known.has(name)) return false;
  return true;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
