import { formatBytes, formatDuration } from "../text/amounts.ts";
import { toPlainText } from "../text/plain.ts";
import { table } from "../text/table.ts";
import { factsOf, textOf } from "./facts.ts";
import { STAGES } from "./stages.ts";
import type { JobOptions, JobReport, StageReport } from "./types.ts";

/** What will be done, before it is: one line per stage. */
export function describePlan(options: JobOptions): string {
  const lines = STAGES.map((stage) => {
    const planned = stage.planned?.(options);
    return [stage.name, planned === undefined ? stage.title : `– ${planned.reason}`];
  });
  const mode = options.dryRun ? " (dry run: nothing is changed)" : "";
  return `Plan for ${options.path}${mode}\n${lines.map(([name, what]) => `  ${name?.padEnd(10)}  ${what}`).join("\n")}`;
}

const SIGNS = { done: "✓", unmet: "!", failed: "✗", skipped: "–", absent: "–" } as const;

function hasRun(status: StageReport["status"]): boolean {
  return status === "done" || status === "failed" || status === "unmet";
}

/** One stage that has ended, in one line. */
export function describeStage({ stage, status, durationMs, reason, summary }: StageReport): string {
  const took = hasRun(status) ? formatDuration(durationMs) : status;
  return toPlainText(`${SIGNS[status]} ${stage.padEnd(10)}  ${took.padStart(9)}  ${summary ?? reason ?? ""}`.trimEnd());
}

/** What came of the job. */
export function describeJob(report: JobReport): string {
  const { image, imageId, digest, size, layers, record } = report;
  const rows: (readonly [string, string | null])[] = [
    ["image", image],
    ["image id", imageId],
    ["digest", digest === null ? null : `${digest} (read back from the registry)`],
    ["size", size === null ? null : `${formatBytes(size)} in ${layers ?? 0} layers`],
    ["record", record.show],
    ["store", record.store],
  ];
  const known = rows.flatMap(([name, value]) => (value === null ? [] : [`${name.padEnd(9)} ${value}`]));
  const stages = table(
    ["stage", "status", "took", ""],
    report.stages.map(({ stage, status, durationMs, summary, reason }) => [
      stage,
      status,
      hasRun(status) ? formatDuration(durationMs) : "",
      summary ?? reason ?? "",
    ]),
  );
  const proposed = report.dryRun ? proposedDockerfile(report) : [];
  const warnings = report.warnings.map((warning) => `warning: ${warning}`);
  return toPlainText(
    [...known, "", stages, ...proposed, ...(warnings.length === 0 ? [] : ["", ...warnings])].join("\n"),
  );
}

function proposedDockerfile({ stages }: JobReport): readonly string[] {
  const result = stages.find(({ stage }) => stage === "dockerfile")?.result ?? {};
  const content = textOf(factsOf(result, "dockerfile"), "content");
  return content === undefined ? [] : ["", "Dockerfile:", content.trimEnd().replace(/^/gm, "  ")];
}
