/** Words that the commands about sessions share. */
import type { ToolStatistics } from "@container-kit/session";
import { formatDuration } from "../../../text/amounts.ts";

/** A time without its milliseconds. */
export function at(timestamp: number): string {
  return new Date(timestamp).toISOString().replace(/\.\d+Z$/, "Z");
}

/** A duration, or a dash where there is none. */
export function took(milliseconds: number | null): string {
  return milliseconds === null ? "–" : formatDuration(milliseconds);
}

/** Labels as they are given: `a=b, c=d`. */
export function labelsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => (value === "" ? name : `${name}=${value}`));
  return pairs.length === 0 ? "–" : pairs.join(", ");
}

/** `98%`, or a dash where nothing ended by itself. */
export function rateOf({ successRate }: Pick<ToolStatistics, "successRate">): string {
  // Rounded down: 100% is said only where nothing failed.
  return successRate === null ? "–" : `${Math.floor(successRate * 1000) / 10}%`;
}

/** `1 job`, `2 jobs`. */
export function count(amount: number, thing: string): string {
  return `${amount} ${thing}${amount === 1 ? "" : "s"}`;
}
