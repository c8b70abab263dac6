import { inspect } from "node:util";

/**
 * A value that no log, template, JSON or inspection can print.
 *
 * `reveal` is the only way to the text; search for it to find every place where a secret leaves its type.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself: for the wire, never for a message. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [inspect.custom](): string {
    return MASK;
  }
}

/** What stands where a secret was. */
export const MASK = "[redacted]";
