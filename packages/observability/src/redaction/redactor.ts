import { MASK, Secret } from "../secret.ts";
import { createFinder } from "./finder.ts";
import type { Finder } from "./finder.ts";
import { isSecretKey, maskPatterns } from "./patterns.ts";
import { partsOf, SHORTEST_SECRET, spellingsOf } from "./spellings.ts";
import { redactText } from "./stream.ts";
import type { RedactingText } from "./stream.ts";
import { maskValue } from "./value.ts";
import type { Masking } from "./value.ts";

/**
 * The one choke point for text that leaves the process: logs, results, errors and the record all pass here.
 *
 * - R1  A secret that was announced with {@link Redactor.learn} is masked wherever its text appears, also
 *       URL-encoded, escaped as in JSON and in base64, and each longer line of it by itself. A longer one goes first: one that begins another must not leave
 *       the rest of it.
 * - R2  What looks like a credential is masked without having been announced: user information in a URL,
 *       `Authorization` headers, values of keys that are named for a secret, tokens and private keys of known forms.
 * - R3  Linear time, and nearly none where nothing is masked: what is returned then is what was handed in.
 */
export interface Redactor {
  /** Masks this secret from now on. Texts under four characters are refused: masking them would shred every message. */
  learn(secret: Secret | string): void;
  /** The text with every secret masked. */
  text(text: string): string;
  /** The text with what was announced masked and nothing else: R1 alone. */
  announced(text: string): string;
  /**
   * Plain JSON with every secret masked, in keys, in keys' values and in running text; the same value where there is
   * none. What is no JSON becomes such: an error its message and causes, a circle a word, bytes their number.
   */
  value<Value>(value: Value): Value;
  /** Masks one text that arrives in pieces, also where a secret is split over them. */
  stream(): RedactingText;
}

/** How a redactor is made. */
export interface RedactorOptions {
  /** Masks what was announced and nothing that only looks like a secret (no R2); false by default. */
  readonly announcedOnly?: boolean;
}

/** Makes a redactor that knows no secret yet. */
export function createRedactor({ announcedOnly = false }: RedactorOptions = {}): Redactor {
  const announced = createAnnounced();
  const text = (input: string): string => {
    const masked = announced.mask(input);
    return announcedOnly ? masked : maskPatterns(masked);
  };
  const masking: Masking = {
    text,
    isSecretKey: announcedOnly ? () => false : rememberKeys(isSecretKey),
    get numbers() {
      return announced.list().numbers;
    },
  };
  return {
    learn: (secret) => announced.learn(secret instanceof Secret ? secret.reveal() : secret),
    text,
    announced: announced.mask,
    value: <Value>(input: Value) => maskValue(input, masking) as Value,
    stream: () => redactText(text, () => announced.list()),
  };
}

interface AnnouncedSecrets {
  readonly learn: (secret: string) => void;
  readonly mask: (text: string) => string;
  readonly list: () => SpellingList;
}

interface SpellingList {
  /** Longest first (R1). */
  readonly spellings: readonly string[];
  readonly longest: number;
  /** Whether one of them may be in a text. */
  readonly mayHold: Finder;
  readonly ofSeveralLines: readonly string[];
  /** Whether one of them may be spelt by a number. */
  readonly numbers: boolean;
}

function createAnnounced(): AnnouncedSecrets {
  const all = new Set<string>();
  let list: SpellingList | undefined;
  /** Put in order when it is needed, because secrets come many at a time. */
  const ordered = (): SpellingList => (list ??= orderOf(all));
  return {
    learn(secret) {
      if (secret.length < SHORTEST_SECRET || all.has(secret)) return;
      for (const part of partsOf(secret)) for (const spelling of spellingsOf(part)) all.add(spelling);
      list = undefined;
    },
    mask(text) {
      const { spellings, mayHold } = ordered();
      if (!mayHold(text)) return text;
      let masked = text;
      for (const spelling of spellings) {
        if (spelling.length <= masked.length && masked.includes(spelling)) masked = masked.replaceAll(spelling, MASK);
      }
      return masked;
    },
    list: ordered,
  };
}

function orderOf(all: ReadonlySet<string>): SpellingList {
  const spellings = [...all].sort((one, other) => other.length - one.length);
  return {
    spellings,
    longest: spellings[0]?.length ?? 0,
    mayHold: createFinder(spellings),
    ofSeveralLines: spellings.filter((spelling) => /[\n\r]/.test(spelling)),
    numbers: spellings.some((spelling) => /^[\d.e+-]+$/i.test(spelling)),
  };
}

const REMEMBERED_KEYS = 2_048;

/** The names of fields are few and come again with every call; those of strangers must not fill the memory. */
function rememberKeys(judge: (key: string) => boolean): (key: string) => boolean {
  const known = new Map<string, boolean>();
  return (key) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const secret = judge(key);
    if (known.size < REMEMBERED_KEYS && key.length <= 64) known.set(key, secret);
    return secret;
  };
}
