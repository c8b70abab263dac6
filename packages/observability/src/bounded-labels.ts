import type { Attributes, Instrument } from "./telemetry.ts";

/**
 * The labels of measurements, bounded: a listener keeps one row per combination of them for ever, so a name that a
 * stranger chooses must not make rows without end.
 */
const MOST_COMBINATIONS = 1_000;

/** What stands for all combinations beyond the bound. */
const OTHER = "other";

/** Gives the labels of a measurement under the names that `label` chooses; bounded for each instrument. */
export function createLabels(
  label: (attribute: string, prometheus: string) => string,
): (instrument: Instrument, attributes: Attributes | undefined) => Record<string, string> {
  const seen = new Map<string, Set<string>>();
  return (instrument, attributes) => {
    const kept = Object.entries(instrument.labels);
    if (kept.length === 0) return {};
    const values = kept.map(([attribute]) => String(attributes?.[attribute] ?? ""));
    const combinations = seen.get(instrument.name) ?? new Set<string>();
    seen.set(instrument.name, combinations);
    const combination = values.join("\u0000");
    const known = combinations.has(combination) || combinations.size < MOST_COMBINATIONS;
    if (known) combinations.add(combination);
    return Object.fromEntries(
      kept.map(([attribute, prometheus], index) => [
        label(attribute, prometheus),
        known ? (values[index] ?? "") : OTHER,
      ]),
    );
  };
}
