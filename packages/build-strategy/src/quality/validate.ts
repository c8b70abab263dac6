import { withinLimits } from "./limits.ts";
import { readDockerfile } from "./model.ts";
import type { DockerfileModel } from "./model.ts";
import { judge, scoreModel } from "./score.ts";
import { findSyntaxFaults } from "./syntax-rules.ts";
import type { Finding } from "./syntax-rules.ts";

/** What a validation may be told beside the text. */
export interface ValidateOptions {
  /** Rules that are not reported. */
  readonly ignore?: readonly string[];
}

/** A stage as a reader names it. */
export interface StageSummary {
  readonly index: number;
  readonly name: string | null;
  /** The image or the stage that it begins with, with the ARGs' defaults put in. */
  readonly from: string;
  readonly line: number;
}

/** What is wrong with a Dockerfile, and how good it is. */
export interface DockerfileValidation {
  /** Whether a builder would accept the file: no finding is an error. */
  readonly valid: boolean;
  readonly findings: readonly Finding[];
  /** 0 when the file is not valid. */
  readonly score: number;
  readonly stages: readonly StageSummary[];
}

/** Says whether a builder would accept a Dockerfile, and what could be better. Throws `INVALID_INPUT` for more than 4 MiB. */
export function validateDockerfile(content: string, { ignore = [] }: ValidateOptions = {}): DockerfileValidation {
  const model = readDockerfile(withinLimits(content));
  const faults = findSyntaxFaults(content, model);
  const valid = faults.every((finding) => finding.severity !== "error");
  const findings = [...faults, ...(valid ? adviceOf(model) : [])].filter((finding) => !ignore.includes(finding.rule));
  return {
    valid,
    findings,
    score: valid ? scoreModel(model).score : 0,
    stages: model.stages.map(({ index, name, image, line }) => ({ index, name, from: image, line })),
  };
}

/** The checks that failed, as findings: a heavy one is a warning. */
function adviceOf(model: DockerfileModel): Finding[] {
  return judge(model).flatMap(({ check, verdict }) => {
    if (verdict === null || verdict.ok) return [];
    const severity = check.weight >= 6 ? ("warning" as const) : ("info" as const);
    const at = verdict.at ?? model.stages.at(-1)?.instructions.at(-1);
    return [{ rule: check.id, severity, line: at?.line ?? 1, column: at?.column ?? 1, message: verdict.message }];
  });
}
