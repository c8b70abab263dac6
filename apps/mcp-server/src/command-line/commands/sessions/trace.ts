import { traceExchange } from "../../../exchange-trace.ts";
import type { TracedExecution } from "../../../exchange-trace.ts";
import { readSessionEvents } from "../../../read-events.ts";
import { toLine } from "../../../text/plain.ts";
import type { Command } from "../../command.ts";
import { withStore } from "./with-store.ts";
import { at, count, took } from "./words.ts";

const MOST_EXECUTIONS = 1000;

/** `sessions show --trace`: the exchange between the tools of one session, as a tree. */
export const traceSession: Command<{ readonly id: string }> = ({ id }, context) =>
  withStore(context, async ({ sessions, shared }) => {
    const { executions, omitted, createdAt } = await sessions.getSession(id, { executions: MOST_EXECUTIONS });
    const exchange = traceExchange(executions, await readSessionEvents(shared.events, id));
    const head = `session ${id}, opened ${at(createdAt)}, ${count(executions.length + omitted, "execution")}`;
    const left =
      omitted === 0 ? [] : [`The oldest ${count(omitted, "execution")} are left out; sessions export has all.`];
    context.output.text(
      [head, ...left, ...exchange.flatMap((one, index) => draw(one, index === exchange.length - 1))].join("\n"),
    );
    context.output.document({ sessionId: id, omitted, executions: exchange });
  });

/** An execution with what belongs to it, and those that it asked for below it. */
function draw(execution: TracedExecution, isLast: boolean): readonly string[] {
  const { children } = execution;
  const [head = "", ...more] = describe(execution);
  const below = children.flatMap((child, index) => draw(child, index === children.length - 1));
  const indent = isLast ? "   " : "│  ";
  const details = more.map((line) => `${children.length === 0 ? "   " : "│  "}${line}`);
  return [`${isLast ? "└─" : "├─"} ${head}`, ...[...details, ...below].map((line) => `${indent}${line}`)];
}

const WIDTH = 160;

function describe(execution: TracedExecution): readonly string[] {
  const { tool, status, durationMs, attempts, dryRun, executionId, error, used, produced, routing } = execution;
  const how = [
    status,
    took(durationMs),
    ...(dryRun ? ["dry run"] : []),
    ...(attempts > 1 ? [`${attempts} attempts`] : []),
  ];
  return [
    `${tool} ${how.join(", ")}  ${executionId}`,
    ...used.map(
      (one) => `used ${entry(one)} of ${one.tool} ${one.executionId}${one.as === undefined ? "" : ` as ${one.as}`}`,
    ),
    ...produced.map((one) => `left ${entry(one)}`),
    ...(error === null ? [] : [`${error.code}: ${error.message}`]),
    ...routing.map(
      ({ rule, action, toTool, reason }) =>
        `${rule}: ${action}${toTool === undefined ? "" : ` to ${toTool}`}: ${reason}`,
    ),
  ].map((line) => toLine(line, WIDTH));
}

function entry({ type, key, version }: TracedExecution["used"][number]): string {
  return `${type} ${key} (version ${version})`;
}
