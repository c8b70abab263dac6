import type { SessionDetails, SessionSummary } from "@container-kit/session";
import { toLine } from "../../../text/plain.ts";
import { table } from "../../../text/table.ts";
import type { Command } from "../../command.ts";
import { withStore } from "./with-store.ts";
import { at, count, labelsOf, rateOf, took } from "./words.ts";

/** `sessions list`: the sessions that were used last. */
export const listSessions: Command<{ readonly limit: number; readonly selector?: string }> = (args, context) =>
  withStore(context, async ({ sessions }) => {
    const found = await sessions.listSessions(args);
    const none = args.selector === undefined ? "No session yet." : "No session has these labels.";
    context.output.text(found.length === 0 ? none : describeList(found));
    context.output.document({ sessions: found });
  });

/** `sessions show`: everything that happened in one session. */
export const showSession: Command<{ readonly id: string }> = ({ id }, context) =>
  withStore(context, async ({ sessions }) => {
    const session = await sessions.getSession(id);
    context.output.text(describeSession(session));
    context.output.document(session);
  });

function describeList(sessions: readonly SessionSummary[]): string {
  return table(
    ["session", "last used", "executions", "failed", "last tool", "labels"],
    sessions.map((session) => [
      session.id,
      at(session.lastUsedAt),
      `${session.executions}`,
      `${session.failures}`,
      session.lastTool ?? "–",
      labelsOf(session.labels),
    ]),
  );
}

function describeSession(session: SessionDetails): string {
  const { id, createdAt, expiresAt, labels, executions, jobs, statistics, omitted } = session;
  const head = [`session ${id}, opened ${at(createdAt)}, kept until ${at(expiresAt)}`];
  if (Object.keys(labels).length > 0) head.push(`labels: ${labelsOf(labels)}`);
  if (executions.length === 0) return [...head, "Nothing was executed in it."].join("\n");
  head.push(
    `${count(statistics.count, "execution")}, ${rateOf(statistics)} completed, p50 ${took(statistics.p50)}, p95 ${took(statistics.p95)}`,
  );
  if (omitted > 0) head.push(`The oldest ${count(omitted, "execution")} are left out; sessions export has all.`);
  const rows = executions.map((execution) => [
    execution.tool + (execution.dryRun ? " (dry run)" : ""),
    execution.status,
    took(execution.durationMs),
    at(execution.startedAt),
    execution.id,
    execution.error === null ? "" : toLine(`${execution.error.code}: ${execution.error.message}`, 100),
  ]);
  const open = jobs
    .filter(({ status }) => status === "interrupted" || status === "running" || status === "pending")
    .map(
      (job) => `${job.id}: ${job.tool} is ${job.status}: ${toLine(job.progress?.message ?? "no progress kept", 100)}`,
    );
  return [...head, table(["tool", "status", "took", "started", "execution", "error"], rows), ...open].join("\n");
}
