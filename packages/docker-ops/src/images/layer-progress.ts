import type { ProgressRecord } from "../wire/progress-stream.ts";
import type { LayerCount, Progress } from "../types.ts";

/** Counts layers and bytes of a pull or push as the records come. */
export interface LayerTracker {
  observe(record: ProgressRecord): Progress | null;
  layers(): LayerCount;
  bytes(): number;
}

/** Texts of moby's `distribution` package that say a layer needs no transfer. */
const EXISTING = /^(?:Already exists|Layer already exists|Mounted from )/;
const DONE =
  /^(?:Already exists|Layer already exists|Mounted from |Pull complete|Pushed|Copying config|Download complete)/;
const MOVING = /^(?:Downloading|Pushing|Copying blob)/;
/** Records about the image as a whole carry a tag or a name as their id, not a layer's. */
const LAYER_ID = /^[a-f0-9]{12,64}$/;

export function trackLayers(phase: "pulling" | "pushing"): LayerTracker {
  const seen = new Map<string, { existing: boolean; bytes: number }>();
  return {
    observe: ({ id, status, progressDetail }) => {
      if (status === undefined) return null;
      if (id === undefined || !LAYER_ID.test(id))
        return { phase, message: id === undefined ? status : `${id}: ${status}` };
      const layer = seen.get(id) ?? { existing: false, bytes: 0 };
      seen.set(id, layer);
      // What a first attempt brought is there at the second one; it was transferred all the same.
      if (EXISTING.test(status) && layer.bytes === 0) layer.existing = true;
      const { current, total } = progressDetail ?? {};
      if (MOVING.test(status) && current !== undefined) layer.bytes = Math.max(layer.bytes, current);
      const moving = MOVING.test(status) && current !== undefined && total !== undefined && total > 0;
      return {
        phase,
        id,
        message: `${id}: ${status}`,
        ...(moving ? { current: Math.min(layer.bytes, total), total, unit: "bytes" as const } : {}),
        ...(DONE.test(status) ? { done: true } : {}),
      };
    },
    layers: () => ({ total: seen.size, existing: [...seen.values()].filter(({ existing }) => existing).length }),
    bytes: () => [...seen.values()].reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
