const MOST = 1_000;

/**
 * Of which types a session's last entry could not be kept, as far as this process knows: an older one must not stand for
 * it. The oldest are forgotten beyond a number.
 */
export class Unkept {
  readonly #names = new Set<string>();

  add(sessionId: string, type: string): void {
    this.#names.add(nameOf(sessionId, type));
    const [oldest] = this.#names;
    if (this.#names.size > MOST && oldest !== undefined) this.#names.delete(oldest);
  }

  /** One was kept since. */
  delete(sessionId: string, type: string): void {
    if (this.#names.size > 0) this.#names.delete(nameOf(sessionId, type));
  }

  has(sessionId: string, type: string): boolean {
    return this.#names.size > 0 && this.#names.has(nameOf(sessionId, type));
  }
}

function nameOf(sessionId: string, type: string): string {
  return `${type} ${sessionId}`;
}
