import { probeImage } from "../containers/probe.ts";
import { loadImages, saveImages } from "../images/archive.ts";
import { watchSource } from "../images/archive-source.ts";
import { inspectImage } from "../images/inspect.ts";
import { imageHistory, listImages, removeImage, removeTurn } from "../images/store.ts";
import { tagImage, tagTurn } from "../images/tag.ts";
import type { Engine } from "../types.ts";
import type { EngineContext } from "./context.ts";
import type { Operate } from "./operate.ts";

type StoreOperations = Pick<
  Engine,
  "tag" | "inspect" | "list" | "remove" | "history" | "save" | "load" | "probe" | "ping"
>;

/** The operations that concern the engine alone. */
export function storeOperations(operate: Operate, { transport, turns, via }: EngineContext): StoreOperations {
  return {
    tag: (source, target, options = {}) =>
      operate({ operation: "tag", deadline: "tag", options }, async ({ force = false, ...rest }) => ({
        ...(await turns.take(tagTurn(target), rest.signal, () =>
          tagImage(transport, source, target, { force, ...rest }),
        )),
        via,
      })),
    inspect: (image, options = {}) =>
      operate({ operation: "inspect", deadline: "inspect", options }, ({ signal }) =>
        inspectImage(transport, image, signal),
      ),
    list: (options = {}) =>
      operate({ operation: "list", deadline: "inspect", options }, ({ signal }) => listImages(transport, signal)),
    remove: (image, options = {}) =>
      operate({ operation: "remove", deadline: "tag", options }, async ({ force, signal }) =>
        turns.take(removeTurn(image), signal, () => removeImage(transport, image, { force: force === true, signal })),
      ),
    history: (image, options = {}) =>
      operate({ operation: "history", deadline: "inspect", options }, ({ signal }) =>
        imageHistory(transport, image, signal),
      ),
    save: (images, options = {}) =>
      operate({ operation: "save", deadline: "archive", options }, (given) => saveImages(transport, images, given)),
    load: async (archive, options = {}) => {
      // From now on, because a stream that breaks before we come to it would end the process.
      const source = watchSource(archive);
      return operate({ operation: "load", deadline: "archive", options }, (given) =>
        source.own((bytes) => loadImages(transport, bytes, given)),
      );
    },
    ping: (options = {}) =>
      operate({ operation: "ping", deadline: "inspect", options }, async ({ signal }) => {
        await transport.json({ method: "GET", path: "/version", signal, operation: "the question whether it answers" });
      }),
    probe: (image, options) =>
      operate({ operation: "probe", deadline: "probe", options }, (given) => probeImage(transport, image, given)),
  };
}
