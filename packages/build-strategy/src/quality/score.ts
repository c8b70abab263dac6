/**
 * The score of a Dockerfile: 21 lexical checks, each with its weight; a check that does not apply counts neither way.
 *
 * - Q1  Time grows in proportion to the text: input is capped at 4 MiB, the parser and every check pass over it a fixed
 *       number of times, and no regular expression here can backtrack without bound.
 * - Q2  Nothing is run, fetched or expanded: the file is read as text.
 */
import { buildChecks } from "./build-checks.ts";
import type { Check, CheckResult, CheckSubject, Verdict } from "./check.ts";
import { imageChecks } from "./image-checks.ts";
import { withinLimits } from "./limits.ts";
import { baseImageOf, effectiveInstructions, readDockerfile } from "./model.ts";
import type { DockerfileModel } from "./model.ts";
import { findInstalls, runSteps } from "./run-steps.ts";
import { runtimeChecks } from "./runtime-checks.ts";

export const lexicalChecks: readonly Check[] = [...imageChecks, ...buildChecks, ...runtimeChecks];

/** A Dockerfile's score and what it is made of. */
export interface DockerfileScore {
  /** 0 to 100: the weight of what is good in the weight of what applies. 0 when there is no stage. */
  readonly score: number;
  readonly checks: readonly CheckResult[];
}

/** Scores a Dockerfile's text. Throws `INVALID_INPUT` for more than 4 MiB. */
export function scoreDockerfile(content: string): DockerfileScore {
  return scoreModel(readDockerfile(withinLimits(content)));
}

/** Scores what was read already. */
export function scoreModel(model: DockerfileModel): DockerfileScore {
  const verdicts = judge(model);
  const applied = verdicts.filter(({ verdict }) => verdict !== null);
  const total = applied.reduce((sum, { check }) => sum + check.weight, 0);
  const earned = applied.reduce((sum, { check, verdict }) => sum + (verdict?.ok === true ? check.weight : 0), 0);
  const checks = applied.map(({ check, verdict }) => ({
    id: check.id,
    ok: verdict?.ok === true,
    message: verdict?.message ?? "",
    weight: check.weight,
  }));
  return { score: total === 0 ? 0 : Math.round((100 * earned) / total), checks };
}

/** Every check with its verdict; none when there is no stage to look at. */
export function judge(model: DockerfileModel): { check: Check; verdict: Verdict }[] {
  const last = model.stages.at(-1);
  if (last === undefined) return [];
  const installs = findInstalls(runSteps(model.instructions));
  const subject: CheckSubject = { model, last, final: effectiveInstructions(last), base: baseImageOf(last), installs };
  return lexicalChecks.map((check) => ({ check, verdict: check.look(subject) }));
}
