/**
 * Label selectors as `kubectl -l` takes them: requirements with commas between, all of which must hold.
 *
 * - L1  `!=`, `notin` and `!` also hold where the label is absent.
 * - L2  A selector is read once, from left to right, in linear time; its length is limited.
 */
import { invalid } from "./errors.ts";
import { findKeyFault, findValueFault } from "./labels.ts";

/** One requirement. `in` and `notIn` hold the values; `exists` and `absent` none. */
export interface Requirement {
  readonly key: string;
  readonly operator: "in" | "notIn" | "exists" | "absent";
  readonly values: readonly string[];
}

const LONGEST = 4096;
const WORD = /[A-Za-z0-9_./-]*/y;
const SPACE = /\s*/y;
const SIGN = /==?|!=/y;

/** Reads a selector; an empty one selects all. @throws INVALID_INPUT saying where it stopped being one */
export function parseSelector(text: string): readonly Requirement[] {
  if (text.length > LONGEST) throw invalid("selector", `it is longer than ${LONGEST} characters`);
  const reader = new Reader(text);
  const requirements: Requirement[] = [];
  if (reader.atEnd()) return requirements;
  do requirements.push(readRequirement(reader));
  while (reader.take(","));
  if (!reader.atEnd()) throw reader.fault("expected a comma or the end");
  return requirements;
}

function readRequirement(reader: Reader): Requirement {
  if (reader.take("!")) return { key: readKey(reader), operator: "absent", values: [] };
  const key = readKey(reader);
  const sign = reader.match(SIGN);
  if (sign !== "") return { key, operator: sign === "!=" ? "notIn" : "in", values: [readValue(reader)] };
  const word = reader.match(WORD);
  if (word === "") return { key, operator: "exists", values: [] };
  if (word !== "in" && word !== "notin") throw reader.fault(`expected =, !=, in or notin after ${key}`);
  if (!reader.take("(")) throw reader.fault(`expected ( after ${word}`);
  const values: string[] = [];
  do values.push(readValue(reader));
  while (reader.take(","));
  if (!reader.take(")")) throw reader.fault("expected ) after the values");
  return { key, operator: word === "in" ? "in" : "notIn", values };
}

function readKey(reader: Reader): string {
  const key = reader.match(WORD);
  const fault = findKeyFault(key);
  if (fault !== undefined) throw reader.fault(fault);
  return key;
}

function readValue(reader: Reader): string {
  const value = reader.match(WORD);
  const fault = findValueFault(value);
  if (fault !== undefined) throw reader.fault(fault);
  return value;
}

/** A place in the text. Each step skips the space before it. */
class Reader {
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  match(form: RegExp): string {
    this.#at += this.#length(SPACE);
    const length = this.#length(form);
    this.#at += length;
    return this.#text.slice(this.#at - length, this.#at);
  }

  take(sign: string): boolean {
    this.match(SPACE);
    const found = this.#text.startsWith(sign, this.#at);
    if (found) this.#at += sign.length;
    return found;
  }

  atEnd(): boolean {
    this.match(SPACE);
    return this.#at === this.#text.length;
  }

  fault(message: string): Error {
    return invalid("selector", `${message}, at character ${this.#at + 1}`);
  }

  #length(form: RegExp): number {
    form.lastIndex = this.#at;
    return form.exec(this.#text)?.[0].length ?? 0;
  }
}
