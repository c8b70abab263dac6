import { open } from "node:fs/promises";
import { join } from "node:path";
import type { BusEvent } from "@container-kit/context-sharing";
import type { SessionStore, ToolExecution } from "@container-kit/session";
import { isKitError } from "@container-kit/errors";
import type { ReadResourceResult, Resource, ResourceTemplate } from "@modelcontextprotocol/sdk/types.js";
import { readSessionEvents } from "../read-events.ts";
import { PROTOCOL_ERROR } from "./protocol.ts";
import type { Served } from "./served.ts";

/** What a client may read: sessions with what happened in them, and jobs with their logs. */
export interface Resources {
  readonly templates: readonly ResourceTemplate[];
  /** The sessions that were used last. */
  list(): Promise<Resource[]>;
  /** @throws an error with the protocol's code: -32002 for what does not exist */
  read(uri: string): Promise<ReadResourceResult>;
}

/** The name of a job's log in its folder. */
const JOB_LOG = "build.log";

const JSON_TYPE = "application/json";
const LISTED_SESSIONS = 20;
const LOG_TAIL_BYTES = 1024 * 1024;
const RESOURCE_NOT_FOUND = -32002;

/** The newest so many executions and errors make a session's time line. */
const MOST_EVENTS = 1000;

const TEMPLATES: readonly ResourceTemplate[] = [
  {
    uriTemplate: "session://{id}",
    name: "session",
    title: "Session",
    description: "A session with its jobs, tool executions and errors, as JSON.",
    mimeType: JSON_TYPE,
  },
  {
    uriTemplate: "session://{id}/events",
    name: "session-events",
    title: "What happened in a session",
    description:
      "Its tool executions and errors, what they left for each other and where failures went, as one time line, oldest first, as JSON.",
    mimeType: JSON_TYPE,
  },
  {
    uriTemplate: "job://{id}",
    name: "job",
    title: "Job",
    description: "How far a job is and, when it has ended, its whole outcome, as JSON.",
    mimeType: JSON_TYPE,
  },
  {
    uriTemplate: "job://{id}/log",
    name: "job-log",
    title: "Log of a job",
    description: "What the engine printed during a build, a pull or a push; the last 1 MiB where it is longer.",
    mimeType: "text/plain",
  },
];

/** @param events what the executions themselves do not tell; without it they are told alone */
export function createResources(sessions: SessionStore, events?: Served["events"]): Resources {
  return {
    templates: TEMPLATES,
    async list() {
      const recent = await sessions.listSessions({ limit: LISTED_SESSIONS });
      return recent.map((session) => ({
        uri: `session://${session.id}`,
        name: session.id,
        title: `Session of ${new Date(session.createdAt).toISOString()}`,
        description: `${session.executions} executions, ${session.failures} failed; last tool: ${session.lastTool ?? "none"}`,
        mimeType: JSON_TYPE,
      }));
    },
    async read(uri) {
      const [, kind, id = "", part = ""] = /^(session|job):\/\/([\w-]{1,64})(\/events|\/log)?$/.exec(uri) ?? [];
      const readers: Readonly<Record<string, () => Promise<ReadResourceResult>>> = {
        session: async () => content(uri, JSON_TYPE, JSON.stringify(await sessions.getSession(id))),
        "session/events": async () => content(uri, JSON_TYPE, JSON.stringify(await readEvents(id, sessions, events))),
        job: async () => content(uri, JSON_TYPE, JSON.stringify(await sessions.getJob(id))),
        "job/log": async () => content(uri, "text/plain", await readTail(join(await sessions.jobFolder(id), JOB_LOG))),
      };
      const read = kind === undefined ? undefined : readers[`${kind}${part}`];
      if (read === undefined) throw notFound(uri);
      return read().catch((error: unknown) => {
        throw toProtocolError(uri, error);
      });
    },
  };
}

function content(uri: string, mimeType: string, text: string): ReadResourceResult {
  return { contents: [{ uri, mimeType, text }] };
}

/** One thing that happened; `at` is when. */
interface SessionEvent {
  readonly at: string;
  /** `began`, `ended` or `error` of an execution, or an event's type: `context.shared`, `routing.decided`. */
  readonly event: string;
  readonly executionId?: string | undefined;
  readonly [detail: string]: unknown;
}

async function readEvents(id: string, sessions: SessionStore, bus: Served["events"]): Promise<object> {
  const { executions, errors, omitted } = await sessions.getSession(id, { executions: MOST_EVENTS });
  const told = bus === undefined ? [] : await readSessionEvents(bus, id, { most: 10 * MOST_EVENTS });
  const events = [
    ...executions.map((execution) => began(execution)),
    ...errors.map(({ executionId, tool, at, code, message, stage }): SessionEvent => {
      return { at: toTime(at), event: "error", executionId, tool, code, message, stage };
    }),
    ...executions.flatMap((execution) => ended(execution)),
    ...told.flatMap((event) => happened(event)),
  ];
  return { sessionId: id, omitted, events: events.toSorted((a, b) => Number(a.at > b.at) - Number(a.at < b.at)) };
}

function began({ id, tool, startedAt, dryRun, jobId, correlationId }: ToolExecution): SessionEvent {
  return { at: toTime(startedAt), event: "began", executionId: id, tool, dryRun, jobId, correlationId };
}

function ended({ id, tool, endedAt, status, durationMs, attempts }: ToolExecution): SessionEvent[] {
  if (endedAt === null) return [];
  return [{ at: toTime(endedAt), event: "ended", executionId: id, tool, status, durationMs, attempts }];
}

/** The end of an execution is told from the record; what the router remembers is told by its decision. */
function happened({ type, at, executionId, correlationId, data }: BusEvent): SessionEvent[] {
  if (type.startsWith("tool.") || String(data["type"]).startsWith("failure_")) return [];
  const head = { at: toTime(at), event: type, executionId, correlationId };
  // First, as in every other event; and whatever the data holds, they stay what they are.
  return [{ ...head, ...data, ...head }];
}

function toTime(at: number): string {
  return new Date(at).toISOString();
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

function notFound(uri: string): Error {
  return protocolError(RESOURCE_NOT_FOUND, `There is no resource ${uri}`, { uri });
}

function toProtocolError(uri: string, error: unknown): Error {
  if (isKitError(error, "SESSION_NOT_FOUND") || isKitError(error, "JOB_NOT_FOUND")) return notFound(uri);
  // A job without a log, or whose folder is gone.
  if ((error as NodeJS.ErrnoException | null)?.code === "ENOENT") return notFound(uri);
  if (!isKitError(error)) return protocolError(PROTOCOL_ERROR.internal, "Internal error");
  return protocolError(PROTOCOL_ERROR.internal, `${error.code}: ${error.message}. ${error.remedy}`);
}

/** What the SDK sends as it is. Its own class of errors writes the code into the message, and its client once more. */
function protocolError(code: number, message: string, data?: object): Error {
  return Object.assign(new Error(message), { code, ...(data === undefined ? {} : { data }) });
}
