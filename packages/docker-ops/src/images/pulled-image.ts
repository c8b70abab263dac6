import type { ImageDetails, LayerCount } from "../types.ts";

/** What a transfer brought. */
export interface PulledImage {
  readonly image: ImageDetails;
  /** As the engine told it, or the registry where the engine does not (Podman); empty where neither does. */
  readonly digest: string;
  readonly bytes: number;
  readonly layers: LayerCount;
}
