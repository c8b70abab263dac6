import type { CancelSignal } from "@container-kit/atomic-runtime";

/**
 * The signal of one call, as the runtime listens to it: one "abort", at most once.
 *
 * A real `AbortSignal` is an EventTarget, and making one with a listener costs more than reading and writing the call's
 * messages. Nothing but the runtime gets to see this one: tools are handed a signal of the runtime's own.
 */
export class CallSignal implements CancelSignal {
  #aborted = false;
  #listeners: (() => void)[] | undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener();
  }

  addEventListener(_type: "abort", listener: () => void): void {
    (this.#listeners ??= []).push(listener);
  }

  removeEventListener(_type: "abort", listener: () => void): void {
    this.#listeners = this.#listeners?.filter((other) => other !== listener);
  }
}
