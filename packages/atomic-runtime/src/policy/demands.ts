/**
 * What each demand of a rule says of an act.
 *
 * - D1  A fact that is absent is no business of the demand; one that is unknown, or of a wrong form, is refused.
 */
import type { PolicyFacts } from "../types.ts";
import { compileGlob } from "./glob.ts";
import { testImages, testRegistries } from "./names.ts";
import type { NameTest } from "./names.ts";
import { SEVERITIES } from "./schema.ts";
import type { PolicyRule } from "./schema.ts";
import type { PolicySide } from "./types.ts";

/** Why an act is refused. */
export interface Refusal {
  /** What it is, in words. */
  readonly problem: string;
  /** The value that does not pass; null where nobody knows it. */
  readonly value: unknown;
  /** What would pass, in words. */
  readonly allowed: readonly string[];
}

/** One demand, ready to judge. */
export interface Demand {
  readonly side: PolicySide;
  judge(facts: PolicyFacts): Refusal | undefined;
}

/** The demands of a rule. */
export function demandsOf(rule: Omit<PolicyRule, "name">): readonly Demand[] {
  const { registries, baseImages, requiredLabels, nonRoot, maxSeverity } = rule;
  return [
    ...(registries === undefined ? [] : [namesDemand("registries", "registry", testRegistries(registries))]),
    ...(baseImages === undefined ? [] : [namesDemand("baseImages", "base image", testImages(baseImages))]),
    ...(requiredLabels === undefined ? [] : [labelsDemand(requiredLabels)]),
    ...(nonRoot === true ? [USER_DEMAND] : []),
    ...(maxSeverity === undefined ? [] : [severityDemand(maxSeverity)]),
  ];
}

function namesDemand(side: "registries" | "baseImages", what: string, names: NameTest): Demand {
  return {
    side,
    judge: ({ [side]: given }) => {
      if (given === undefined) return undefined;
      if (!isTexts(given))
        return { problem: `nobody knows which ${what} it uses`, value: null, allowed: names.allowed };
      const value = given.find((name) => !names.passes(name));
      return value === undefined
        ? undefined
        : { problem: `the ${what} ${value} is not allowed`, value, allowed: names.allowed };
    },
  };
}

function labelsDemand(required: Readonly<Record<string, true | string>>): Demand {
  const tests = Object.entries(required).map(([name, wanted]) => ({
    name,
    says: wanted === true ? `${name} with any value` : `${name}=${wanted}`,
    test: wanted === true ? (text: string) => text !== "" : compileGlob(wanted),
  }));
  const allowed = tests.map(({ says }) => `label ${says}`);
  return {
    side: "labels",
    judge: ({ labels }) => {
      if (labels === undefined) return undefined;
      if (!isRecord(labels)) return { problem: "nobody knows the image's labels", value: null, allowed };
      for (const { name, test } of tests) {
        const value = Object.hasOwn(labels, name) ? labels[name] : undefined;
        if (typeof value !== "string") return { problem: `the image has no label ${name}`, value: null, allowed };
        if (!test(value)) return { problem: `the image's label ${name} is ${JSON.stringify(value)}`, value, allowed };
      }
      return undefined;
    },
  };
}

/** As docker reads it: a user or its number, then perhaps a group; nothing is root. */
const ROOT = /^\s*(?:root|[+-]?0+)?\s*(?::|$)/i;

const USER_DEMAND: Demand = {
  side: "user",
  judge: ({ user }) => {
    if (user === undefined) return undefined;
    const allowed = ["a USER in the Dockerfile that is not root"];
    if (typeof user !== "string")
      return { problem: "nobody knows the user that the image runs as", value: null, allowed };
    if (!ROOT.test(user)) return undefined;
    return { problem: "the image runs as root", value: user === "" ? "root" : user, allowed };
  },
};

function severityDemand(worst: (typeof SEVERITIES)[number]): Demand {
  const allowed = [`findings up to ${worst}`];
  const passing: ReadonlySet<string> = new Set(SEVERITIES.slice(0, SEVERITIES.indexOf(worst) + 1));
  return {
    side: "severities",
    judge: ({ severities }) => {
      if (severities === undefined) return undefined;
      if (!isRecord(severities)) return { problem: "no scan of the image is known", value: null, allowed };
      // (D1) A severity that nobody knows may be any, and all pass only where the worst does.
      const over = Object.entries(severities).find(
        ([name, count]) => count !== 0 && !passing.has(name) && (worst !== "critical" || typeof count !== "number"),
      );
      if (over === undefined) return undefined;
      return { problem: `the last scan found ${String(over[1])} of severity ${over[0]}`, value: over[0], allowed };
    },
  };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
