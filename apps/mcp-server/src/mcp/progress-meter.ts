import type { ToolProgress } from "@container-kit/atomic-runtime";
import { formatBytes } from "../text/amounts.ts";

/** The members of a `notifications/progress` besides its token. */
interface MeterReading {
  readonly progress: number;
  readonly total?: number;
  readonly message: string;
}

/**
 * Turns what a tool tells, layer by layer and step by step, into the one rising number that MCP wants.
 *
 * - M1  `progress` rises strictly over the whole call; a reading that brings no news rises by a sliver.
 * - M2  Within one unit the number is the true sum over all layers or steps.
 * - M3  `total` is told only while it is true: one unit so far, every layer's size known, and not yet passed.
 * - M4  The context of a build travels in bytes before its steps begin, so it is told in words only and the number
 *       counts steps.
 */
export interface ProgressMeter {
  read(progress: ToolProgress): MeterReading;
}

const SLIVER = 0.001;

export function createProgressMeter(): ProgressMeter {
  const items = new Map<string, { current: number; total: number | undefined }>();
  let unit: ToolProgress["unit"];
  let base = 0;
  let last = 0;

  const count = (progress: ToolProgress): void => {
    const { current, id = "", total } = progress;
    if (current === undefined || progress.unit === undefined || progress.phase === "context") return;
    if (progress.unit !== unit) {
      if (unit !== undefined) base = last;
      unit = progress.unit;
      items.clear();
    }
    const known = items.get(id);
    items.set(id, { current: Math.max(current, known?.current ?? 0), total: total ?? known?.total });
  };

  return {
    read(progress) {
      count(progress);
      const values = [...items.values()];
      const sum = base + values.reduce((total, item) => total + item.current, 0);
      const value = sum > last ? sum : Math.round((last + SLIVER) / SLIVER) * SLIVER;
      last = value;
      const total = values.reduce((all, item) => all + (item.total ?? Number.NaN), 0);
      const truthful = base === 0 && total > 0 && value <= total;
      return { progress: value, ...(truthful ? { total } : {}), message: describe(progress) };
    },
  };
}

/** The message with the amount and its unit, unless the tool has said it already. */
function describe({ message, current, total, unit }: ToolProgress): string {
  if (current === undefined || unit === undefined) return message;
  const amount = (value: number): string => (unit === "bytes" ? formatBytes(value) : `${value}`);
  const of = total === undefined ? "" : ` of ${amount(total)}`;
  return `${message} (${unit === "bytes" ? "" : "step "}${amount(current)}${of})`;
}
