import { fail } from "../errors.ts";
import type { RepositoryAnalysis } from "../types.ts";
import { chooseModule, isRunnable } from "./choose-module.ts";
import { existingDockerfile } from "./existing-dockerfile.ts";
import { nodeTemplate } from "./node-template.ts";
import type { BuildStrategy, Candidate, StrategyName, StrategySubject } from "./strategy.ts";

/** Asks for a new Dockerfile from whichever strategy fits best. */
const TEMPLATE = "template";

/** Every strategy, the preferred first. */
const strategies: readonly BuildStrategy[] = [existingDockerfile, nodeTemplate];

/** The strategy that was chosen, and what would have been next. */
export interface SelectedStrategy extends Candidate {
  readonly runnerUp: Candidate | null;
}

/** What the choice of a strategy may be told. */
export interface SelectOptions {
  /** A module's folder relative to the repository. */
  readonly module?: string;
  /** Use this strategy; `template` is the best of those that write a new Dockerfile, whatever is there. */
  readonly strategy?: string;
}

/**
 * Chooses how a repository comes to its Dockerfile: its own before one from a template. The runner-up is named with the
 * reason why it lost, so that no choice is silent.
 *
 * Throws `INVALID_INPUT` (no such strategy, or several modules and none named), `NOT_FOUND` (no such module) and
 * `UNSUPPORTED` (nothing fits).
 */
export function selectStrategy(analysis: RepositoryAnalysis, options: SelectOptions = {}): SelectedStrategy {
  return selectFor(chooseModule(analysis, options.module), options.strategy);
}

/** The same for a module that was chosen already. */
export function selectFor(subject: StrategySubject, wanted: string | undefined): SelectedStrategy {
  const candidates = strategies.map((strategy) => strategy.consider(subject)).sort((a, b) => b.score - a.score);
  if (wanted === TEMPLATE) return selectNew(subject, candidates);
  if (wanted !== undefined) return selectNamed(candidates, wanted);
  const [best, next] = candidates;
  if (best === undefined || best.score === 0) throw nothingFits(subject, candidates);
  return { ...best, runnerUp: next ?? null };
}

/** Whether a Dockerfile that is there is not what was asked for. */
export function asksForNew(wanted: string | undefined): boolean {
  return wanted === TEMPLATE || strategies.some(({ name, isNew }) => isNew && name === wanted);
}

function selectNew(subject: StrategySubject, candidates: readonly Candidate[]): SelectedStrategy {
  const fresh = candidates.filter(({ name }) => strategyOf(name).isNew);
  const [best] = fresh;
  if (best === undefined || best.score === 0) throw nothingFits(subject, fresh);
  const runnerUp = candidates.find((candidate) => candidate !== best) ?? null;
  return { ...best, reasons: ["A new Dockerfile was asked for.", ...best.reasons], runnerUp };
}

function selectNamed(candidates: readonly Candidate[], wanted: string): SelectedStrategy {
  const found = candidates.find((candidate) => candidate.name === wanted);
  const names = [...strategies.map((strategy) => strategy.name), TEMPLATE].join(", ");
  if (found === undefined)
    throw fail("INVALID_INPUT", `there is no strategy ${JSON.stringify(wanted.slice(0, 60))}`, {
      remedy: `Name one of: ${names}.`,
    });
  if (found.score === 0) {
    throw fail("UNSUPPORTED", `${found.name} cannot be used here: ${found.reasons.join(" ")}`, {
      remedy: "Leave the strategy out to get the one that fits.",
      details: { candidates },
    });
  }
  const runnerUp = candidates.find((candidate) => candidate !== found) ?? null;
  return { ...found, reasons: ["It was asked for.", ...found.reasons], runnerUp };
}

function nothingFits({ analysis, module }: StrategySubject, candidates: readonly Candidate[]): Error {
  const reasons = candidates.flatMap((candidate) => candidate.reasons).join(" ");
  const runnable = analysis.modules.filter(isRunnable).map((one) => one.path);
  const details = {
    seen: analysis.seen.map(({ platform }) => platform),
    modules: runnable,
    dockerfiles: analysis.existing.dockerfiles,
  };
  if (runnable.length > 1) {
    return fail("INVALID_INPUT", `the repository has ${runnable.length} modules that can run, and none was named`, {
      remedy: `Name one as module: ${runnable.slice(0, 10).join(", ")}.`,
      details,
    });
  }
  const remedy =
    module?.node.manifestDamaged === true
      ? "Correct the syntax of package.json and call again."
      : "Add a start script to package.json, or write a Dockerfile by hand.";
  return fail("UNSUPPORTED", `no strategy fits: ${reasons}`, { remedy, details });
}

/** The strategy of that name. */
export function strategyOf(name: StrategyName): BuildStrategy {
  return strategies.find((strategy) => strategy.name === name) ?? nodeTemplate;
}
