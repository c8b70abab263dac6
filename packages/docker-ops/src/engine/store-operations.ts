import { probeImage } from "../containers/probe.ts";
import { loadImages, saveImages } from "../images/archive.ts";
import { inspectImage } from "../images/inspect.ts";
import { imageHistory, listImages, removeImage } from "../images/store.ts";
import { tagImage } from "../images/tag.ts";
import type { Engine } from "../types.ts";
import type { EngineContext } from "./context.ts";
import type { Operate } from "./operate.ts";

type StoreOperations = Pick<Engine, "tag" | "inspect" | "list" | "remove" | "history" | "save" | "load" | "probe">;

/** The operations that concern the engine alone. */
export function storeOperations(operate: Operate, { transport, via }: EngineContext): StoreOperations {
  return {
    tag: (source, target, options = {}) =>
      operate({ operation: "tag", deadline: "tag", options }, async (signal) => ({
        ...(await tagImage(transport, source, target, { force: options.force ?? false, signal })),
        via,
      })),
    inspect: (image, options = {}) =>
      operate({ operation: "inspect", deadline: "inspect", options }, (signal) =>
        inspectImage(transport, image, signal),
      ),
    list: (options = {}) =>
      operate({ operation: "list", deadline: "inspect", options }, (signal) => listImages(transport, signal)),
    remove: (image, options = {}) =>
      operate({ operation: "remove", deadline: "tag", options }, (signal) =>
        removeImage(transport, image, { force: options.force ?? false, signal }),
      ),
    history: (image, options = {}) =>
      operate({ operation: "history", deadline: "inspect", options }, (signal) =>
        imageHistory(transport, image, signal),
      ),
    save: (images, options = {}) =>
      operate({ operation: "save", deadline: "archive", options }, (signal) =>
        saveImages(transport, images, { ...options, signal }),
      ),
    load: (archive, options = {}) =>
      operate({ operation: "load", deadline: "archive", options }, (signal) =>
        loadImages(transport, archive, { ...options, signal }),
      ),
    probe: (image, options) =>
      operate({ operation: "probe", deadline: "probe", options }, (signal) =>
        probeImage(transport, image, { ...options, signal }),
      ),
  };
}
