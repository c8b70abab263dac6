import type { DockerfileModel, Instruction, Stage } from "./model.ts";
import type { Install } from "./run-steps.ts";

/** The answer of one check. */
export interface CheckResult {
  /** Stable; `generate_dockerfile` and `validate_dockerfile` show it. */
  readonly id: string;
  readonly ok: boolean;
  /** What was found, and what to do when it is not good. */
  readonly message: string;
  /** What the check counts for in the score; absent for checks that only tell. */
  readonly weight?: number;
}

/** What the lexical checks look at. */
export interface CheckSubject {
  readonly model: DockerfileModel;
  readonly last: Stage;
  /** The final image's instructions, inherited ones first. */
  readonly final: readonly Instruction[];
  /** The image that the final stage's chain begins with. */
  readonly base: string;
  readonly installs: readonly Install[];
}

/** What a check found: null when it does not apply. */
export type Verdict = { readonly ok: boolean; readonly message: string; readonly at?: Instruction | undefined } | null;

export interface Check {
  readonly id: string;
  readonly weight: number;
  readonly look: (subject: CheckSubject) => Verdict;
}

export function good(message: string): Verdict {
  return { ok: true, message };
}

export function bad(message: string, at?: Instruction): Verdict {
  return { ok: false, message, at };
}
