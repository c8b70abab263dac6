/**
 * Knows whether the store can be written to, so that work is refused before it begins and not after its effect.
 *
 * - U1  No room: the ballast is given up, new work is refused, and what has begun can still record its end. Once a
 *       second it is looked whether there is room again; then the ballast is made anew and the store is open.
 * - U2  A file that was removed or replaced: nothing is written to what is left of it. A look costs a system call per
 *       file, so that there is at most one per {@link LOOK_EVERY_MS}, and after appends off their path.
 * - U3  Any other refusal of the medium is remembered until something could be written again.
 * - U4  No timer keeps the process alive.
 */
import { statSync } from "node:fs";
import type { Stats } from "node:fs";
import { isKitError } from "@container-kit/errors";
import type { Logger } from "@container-kit/observability";
import { hasRoom, makeBallast, releaseBallast } from "./ballast.ts";
import { fail } from "./errors.ts";
import { STORE_FILES } from "./location.ts";
import type { StoreLocation } from "./location.ts";
import { toStoreError } from "./store-error.ts";

/** How the store fares, as far as writing is concerned. */
export type WriteState = "ok" | "full" | "gone" | "failing";

const LOOK_EVERY_MS = 100;
const RETRY_AFTER_MS = 1000;
const QUIET_EVERY_MS = 5000;

/** One per open store. */
export class StoreGuard {
  readonly #location: StoreLocation;
  readonly #logger: Logger;
  readonly #files: readonly { readonly file: string; readonly device: number; readonly inode: number }[];
  #state: WriteState = "ok";
  #reason = "";
  #lookedAt = 0;
  #retryAt = 0;
  #timer: NodeJS.Timeout;
  #looking: Promise<void> | undefined;
  #closed = false;

  /** @param location of files that are there */
  constructor(location: StoreLocation, logger: Logger) {
    this.#location = location;
    this.#logger = logger;
    this.#files = STORE_FILES.map((part) => location[part]).map((file) => {
      const { dev, ino } = statSync(file);
      return { file, device: dev, inode: ino };
    });
    // Not at once: a program that ends soon has no use for a ballast.
    this.#timer = this.#tickIn(RETRY_AFTER_MS);
  }

  get state(): WriteState {
    return this.#state;
  }

  /** Why it is not ok, in one sentence. */
  get reason(): string {
    return this.#reason;
  }

  /** Refuses what could not be written to the end. @throws STORE_FULL STORE_UNAVAILABLE */
  admit(): void {
    if (performance.now() - this.#lookedAt >= LOOK_EVERY_MS) this.look();
    this.assertThere();
    if (this.#state === "full") throw this.#refusal("STORE_FULL");
    if (this.#state === "failing" && performance.now() < this.#retryAt) throw this.#refusal("STORE_UNAVAILABLE");
  }

  /** Refuses to write to files that are no longer the store's, as far as the last look told. @throws STORE_UNAVAILABLE */
  assertThere(): void {
    if (this.#state === "gone") throw this.#refusal("STORE_UNAVAILABLE");
  }

  /** Looks whether the files are still there. */
  look(): void {
    this.#lookedAt = performance.now();
    const missing = this.#files.find(({ file, device, inode }) => {
      const found = lookAt(file);
      return found?.ino !== inode || found.dev !== device;
    });
    if (missing !== undefined) this.#enter("gone", `${missing.file} was removed or replaced while in use`);
    else if (this.#state === "gone") this.#leave();
  }

  /** Takes note of what a write met, and gives up the ballast where that helps; says whether it was worth another try. */
  failed(error: unknown): boolean {
    if (isKitError(error, "STORE_FULL")) {
      const released = releaseBallast(this.#location.ballast);
      this.#enter("full", `there is no room on the disk of ${this.#location.folder}: only what has begun is recorded`);
      return released;
    }
    if (isKitError(error, "STORE_UNAVAILABLE") && (this.#state === "ok" || this.#state === "failing")) {
      this.#retryAt = performance.now() + RETRY_AFTER_MS;
      this.#enter("failing", error.message);
    }
    return false;
  }

  /** Something could be written. */
  succeeded(): void {
    if (this.#state === "failing") this.#leave();
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #enter(state: WriteState, reason: string): void {
    this.#reason = reason;
    if (this.#state === state) return;
    this.#state = state;
    this.#logger.error("the store cannot be written to", { state, reason });
    this.#schedule();
  }

  #leave(): void {
    this.#logger.info("the store can be written to again", { after: this.#state });
    this.#state = "ok";
    this.#reason = "";
  }

  #refusal(code: "STORE_FULL" | "STORE_UNAVAILABLE"): Error {
    return fail(code, this.#reason, { details: { file: this.#location.state, retryAfterMs: RETRY_AFTER_MS } });
  }

  #schedule(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = this.#tickIn(this.#state === "ok" ? QUIET_EVERY_MS : RETRY_AFTER_MS);
  }

  #tickIn(milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#looking = this.#tick();
    }, milliseconds).unref();
  }

  async #tick(): Promise<void> {
    try {
      this.look();
      if (this.#state === "ok" || this.#state === "full") await this.#makeRoom();
    } catch (thrown) {
      this.#logger.warn("the store could not be looked after", { error: toStoreError(thrown, this.#location.folder) });
    } finally {
      this.#schedule();
    }
  }

  /** Makes the ballast, anew after it was given up (U1). */
  async #makeRoom(): Promise<void> {
    if (!hasRoom(this.#location.folder, this.#location.ballast)) return;
    await makeBallast(this.#location.ballast);
    if (this.#state === "full") this.#leave();
  }
}

function lookAt(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    // Gone, or out of reach: either way it is not to be written to.
    return undefined;
  }
}
