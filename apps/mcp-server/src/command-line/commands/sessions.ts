import type { SessionDetails, SessionSummary } from "@container-kit/session";
import { formatDuration } from "../../text/amounts.ts";
import { toLine } from "../../text/plain.ts";
import { table } from "../../text/table.ts";
import { configure } from "../command.ts";
import type { Command } from "../command.ts";
import { EXIT } from "../exit-status.ts";

/** `sessions list`: the sessions that were used last. */
export const listSessions: Command<{ readonly limit: number }> = async ({ limit }, context) => {
  const { openSessions } = await import("../../wiring.ts");
  const opened = await openSessions(await configure(context));
  try {
    const sessions = await opened.sessions.listSessions({ limit });
    context.output.text(sessions.length === 0 ? "No session yet." : describeList(sessions));
    context.output.document({ sessions });
    return EXIT.done;
  } finally {
    await opened.close();
  }
};

/** `sessions show`: everything that happened in one session. */
export const showSession: Command<{ readonly id: string }> = async ({ id }, context) => {
  const { openSessions } = await import("../../wiring.ts");
  const opened = await openSessions(await configure(context));
  try {
    const session = await opened.sessions.getSession(id);
    context.output.text(describeSession(session));
    context.output.document(session);
    return EXIT.done;
  } finally {
    await opened.close();
  }
};

function describeList(sessions: readonly SessionSummary[]): string {
  return table(
    ["session", "last used", "executions", "failed", "last tool"],
    sessions.map((session) => [
      session.id,
      at(session.lastUsedAt),
      `${session.executions}`,
      `${session.failures}`,
      session.lastTool ?? "–",
    ]),
  );
}

function describeSession({ id, createdAt, expiresAt, executions, jobs }: SessionDetails): string {
  const head = `session ${id}, opened ${at(createdAt)}, kept until ${at(expiresAt)}`;
  if (executions.length === 0) return `${head}\nNothing was executed in it.`;
  const rows = executions.map((execution) => [
    execution.tool + (execution.dryRun ? " (dry run)" : ""),
    execution.status,
    execution.durationMs === null ? "–" : formatDuration(execution.durationMs),
    at(execution.startedAt),
    execution.id,
    execution.error === null ? "" : toLine(`${execution.error.code}: ${execution.error.message}`, 100),
  ]);
  const last = jobs.filter((job) => job.status === "interrupted" || job.status === "running");
  const open = last.map(
    (job) => `${job.tool} is ${job.status}: ${toLine(job.progress?.message ?? "no progress kept", 100)}`,
  );
  return [head, table(["tool", "status", "took", "started", "execution", "error"], rows), ...open].join("\n");
}

function at(timestamp: number): string {
  return new Date(timestamp).toISOString().replace(/\.\d+Z$/, "Z");
}
