/** Reading so much takes a few milliseconds. */
const READ_AT_ONCE = 1024 * 1024;

/** Says when so much has been read that others are to have their turn. */
export class Breaks {
  #read = 0;

  /** @param bytes what was read now */
  isDue(bytes: number): boolean {
    this.#read += bytes;
    if (this.#read < READ_AT_ONCE) return false;
    this.#read = 0;
    return true;
  }
}
