import { open } from "node:fs/promises";
import { join } from "node:path";
import type { SessionStore } from "@container-kit/session";
import { isKitError } from "@container-kit/errors";
import { ErrorCode, McpError } from "@modelcontextprotocol/sdk/types.js";
import type { ReadResourceResult, Resource, ResourceTemplate } from "@modelcontextprotocol/sdk/types.js";

/** What a client may read: sessions, and the logs of jobs. */
export interface Resources {
  readonly templates: readonly ResourceTemplate[];
  /** The sessions that were used last. */
  list(): Promise<Resource[]>;
  /** @throws McpError -32002 for what does not exist */
  read(uri: string): Promise<ReadResourceResult>;
}

/** The name of a job's log in its folder. */
const JOB_LOG = "build.log";

const LISTED_SESSIONS = 20;
const LOG_TAIL_BYTES = 1024 * 1024;
const RESOURCE_NOT_FOUND = -32002;

const TEMPLATES: readonly ResourceTemplate[] = [
  {
    uriTemplate: "session://{id}",
    name: "session",
    title: "Session",
    description: "A session with its jobs, tool executions and errors, as JSON.",
    mimeType: "application/json",
  },
  {
    uriTemplate: "job://{id}/log",
    name: "job-log",
    title: "Log of a job",
    description: "What the engine printed during a build, a pull or a push; the last 1 MiB where it is longer.",
    mimeType: "text/plain",
  },
];

export function createResources(sessions: SessionStore): Resources {
  return {
    templates: TEMPLATES,
    async list() {
      const recent = await sessions.listSessions({ limit: LISTED_SESSIONS });
      return recent.map((session) => ({
        uri: `session://${session.id}`,
        name: session.id,
        title: `Session of ${new Date(session.createdAt).toISOString()}`,
        description: `${session.executions} executions, ${session.failures} failed; last tool: ${session.lastTool ?? "none"}`,
        mimeType: "application/json",
      }));
    },
    async read(uri) {
      const session = /^session:\/\/([\w-]{1,64})$/.exec(uri)?.[1];
      if (session !== undefined) return content(uri, "application/json", await readSession(sessions, uri, session));
      const job = /^job:\/\/([\w-]{1,64})\/log$/.exec(uri)?.[1];
      if (job !== undefined) return content(uri, "text/plain", await readLog(sessions, uri, job));
      throw notFound(uri);
    },
  };
}

function content(uri: string, mimeType: string, text: string): ReadResourceResult {
  return { contents: [{ uri, mimeType, text }] };
}

async function readSession(sessions: SessionStore, uri: string, id: string): Promise<string> {
  try {
    return JSON.stringify(await sessions.getSession(id));
  } catch (error) {
    if (isKitError(error, "SESSION_NOT_FOUND")) throw notFound(uri);
    throw toMcpError(error);
  }
}

async function readLog(sessions: SessionStore, uri: string, id: string): Promise<string> {
  try {
    return await readTail(join(await sessions.jobFolder(id), JOB_LOG));
  } catch (error) {
    if (isKitError(error, "JOB_NOT_FOUND") || (error as NodeJS.ErrnoException).code === "ENOENT") throw notFound(uri);
    throw toMcpError(error);
  }
}

async function readTail(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const start = Math.max(0, size - LOG_TAIL_BYTES);
    const bytes = Buffer.alloc(size - start);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
    const text = bytes.toString("utf8", 0, bytesRead);
    if (start === 0) return text;
    const whole = text.slice(text.indexOf("\n") + 1);
    return `[the first ${size - Buffer.byteLength(whole)} of ${size} bytes are left out]\n${whole}`;
  } finally {
    await file.close();
  }
}

function notFound(uri: string): McpError {
  return new McpError(RESOURCE_NOT_FOUND, `There is no resource ${uri}`, { uri });
}

function toMcpError(error: unknown): McpError {
  return new McpError(
    ErrorCode.InternalError,
    isKitError(error) ? `${error.code}: ${error.message}` : "Internal error",
  );
}
