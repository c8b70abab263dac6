import type { KitError } from "@container-kit/errors";
import { fail } from "./errors.ts";

/** Why an execution was told to stop. */
type StopCode = "CANCELLED" | "INTERRUPTED" | "TOOL_TIMEOUT";

/** Why an execution was stopped. */
interface StopReason {
  readonly code: StopCode;
  readonly message: string;
  readonly error: KitError;
}

/** The one switch that stops an execution; the first reason stays. */
export interface Stop {
  /** Its reason is the reason's error, so that a tool may throw it as it is. Made when it is asked for: most calls are over before anybody does. */
  readonly signal: AbortSignal;
  /** Undefined until it stops. */
  readonly reason: StopReason | undefined;
  now(code: StopCode, message: string): void;
  /** Calls back once when it stops, or at once when it has. */
  onStop(listener: () => void): void;
  offStop(listener: () => void): void;
  /** @throws the reason's error, once there is one */
  throwIfStopped(): void;
}

/** Makes the switch that stops one execution. */
export function createStop(): Stop {
  return new Switch();
}

class Switch implements Stop {
  reason: StopReason | undefined;
  #controller: AbortController | undefined;
  #listeners: Set<() => void> | undefined;

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.reason !== undefined) this.#controller.abort(this.reason.error);
    }
    return this.#controller.signal;
  }

  now(code: StopCode, message: string): void {
    if (this.reason !== undefined) return;
    this.reason = { code, message, error: fail(code, message) };
    const listeners = this.#listeners;
    this.#listeners = undefined;
    this.#controller?.abort(this.reason.error);
    for (const listener of listeners ?? []) listener();
  }

  onStop(listener: () => void): void {
    if (this.reason !== undefined) listener();
    else (this.#listeners ??= new Set()).add(listener);
  }

  offStop(listener: () => void): void {
    this.#listeners?.delete(listener);
  }

  throwIfStopped(): void {
    if (this.reason !== undefined) throw this.reason.error;
  }
}
