import { EXIT } from "./exit-status.ts";
import type { Host } from "./host.ts";

/** A stop that was asked for by a signal, as a command sees it. */
export interface Interruption {
  readonly signal: AbortSignal;
  readonly happened: boolean;
  /** Leaves signals to the process again. */
  end(): void;
}

/** The first signal aborts, so that effects are undone and recorded; the second ends the process at once. */
export function listenForInterruption(host: Host, onFirst: () => void = () => {}): Interruption {
  const controller = new AbortController();
  const stop = host.onStop((name) => {
    if (controller.signal.aborted) {
      host.exit(EXIT.interrupted);
      return;
    }
    controller.abort(name);
    onFirst();
  });
  return {
    signal: controller.signal,
    get happened() {
      return controller.signal.aborted;
    },
    end: stop,
  };
}
