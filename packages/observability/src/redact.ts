import { MASK, Secret } from "./secret.ts";

/**
 * The one choke point for text that leaves the process: logs, results, errors and the record all pass here.
 *
 * - R1  A secret that was announced with {@link Redactor.learn} is masked wherever its text appears, also
 *       URL-encoded, escaped as in JSON and in base64. A longer one goes first: one that begins another must not leave
 *       the rest of it.
 * - R2  What looks like a credential is masked without having been announced: user information in a URL,
 *       `Authorization` headers, values of keys that are named for a secret.
 * - R3  Every pattern runs in linear time: no nested repetition over one class of characters.
 */
export interface Redactor {
  /** Masks this secret from now on. Texts under four characters are refused: masking them would shred every message. */
  learn(secret: Secret | string): void;
  /** The text with every secret masked. */
  text(text: string): string;
  /** A copy of plain JSON with every secret masked, in keys' values and in running text. */
  value<Value>(value: Value): Value;
}

/** How a redactor is made. */
export interface RedactorOptions {
  /** Masks what was announced and nothing that only looks like a secret (no R2); false by default. */
  readonly announcedOnly?: boolean;
}

const SHORTEST_SECRET = 4;
/** A key that ends in one of these words, however it is written before: `PGPASSWORD`, `dbPassword`, `npm.token`. */
const SECRET_KEY =
  /(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|authorization)$|(?:^|[_.-])auth$/i;

/** Names of variables that have such a word anywhere, `TOKEN_FOR_CI`, but for those that say where the secret is. */
const SECRET_VARIABLE =
  /^(?:[A-Z0-9_]{1,128}_)?(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)(?:_(?!(?:[A-Z0-9_]{0,128}_)?(?:FILE|PATH|DIR|URL|URI|HOST|NAME|ID|TTL|TYPE|ENABLED|LENGTH|HEADER)$)[A-Z0-9_]{1,128})?$/;

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [
    /("[\w.-]{0,64}(?:password|passwd|secret|token|api_?key|access_?key|private_?key)"\s{0,4}:\s{0,4}")[^"\n]{1,4096}/gi,
    `$1${MASK}`,
  ],
  [/(--?(?:password|passwd|secret|token|api-?key)[ =])[^\s"']{1,4096}/gi, `$1${MASK}`],
  [/(\b[a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@]{1,512}@/gi, `$1${MASK}@`],
  [
    /(\b(?:authorization|x-registry-auth|x-registry-config)["']?\s{0,4}[:=]\s{0,4}["']?)(?:(?:basic|bearer)\s+)?[^\s"',]{1,4096}/gi,
    `$1${MASK}`,
  ],
  [/(\b(?:basic|bearer)\s+)[A-Za-z0-9+/=._~-]{16,4096}/gi, `$1${MASK}`],
  [
    /(\b[A-Z0-9_]{0,64}(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY)\s?=\s?)(?:"[^"\n]{0,4096}"|'[^'\n]{0,4096}'|[^\s"']{1,4096})/gi,
    `$1${MASK}`,
  ],
];

/** Makes a redactor that knows no secret yet. */
export function createRedactor({ announcedOnly = false }: RedactorOptions = {}): Redactor {
  const announced = new Set<string>();
  /** Longest first (R1); put in order when it is needed, because secrets come many at a time. */
  let known: readonly string[] = [];

  const text = (input: string): string => {
    if (known.length < announced.size) known = [...announced].sort((one, other) => other.length - one.length);
    let output = input;
    for (const secret of known) if (output.includes(secret)) output = output.replaceAll(secret, MASK);
    if (announcedOnly) return output;
    for (const [pattern, replacement] of PATTERNS) output = output.replace(pattern, replacement);
    return output;
  };

  const value = (input: unknown, key: string): unknown => {
    if (typeof input === "string") return !announcedOnly && isSecretKey(key) ? MASK : text(input);
    if (input instanceof Secret) return MASK;
    if (Array.isArray(input)) return input.map((item) => value(item, ""));
    if (typeof input !== "object" || input === null) return input;
    return Object.fromEntries(Object.entries(input).map(([name, item]) => [name, value(item, name)]));
  };

  return {
    learn(secret) {
      const plain = secret instanceof Secret ? secret.reveal() : secret;
      if (plain.length < SHORTEST_SECRET || announced.has(plain)) return;
      for (const spelling of spellings(plain)) announced.add(spelling);
    },
    text,
    value: <Value>(input: Value) => value(input, "") as Value,
  };
}

function isSecretKey(key: string): boolean {
  return key !== "" && (SECRET_KEY.test(key) || SECRET_VARIABLE.test(key));
}

function spellings(plain: string): readonly string[] {
  const bytes = Buffer.from(plain);
  const padded = bytes.toString("base64");
  const escaped = JSON.stringify(plain).slice(1, -1);
  return [plain, encodeURIComponent(plain), escaped, padded, padded.replace(/=+$/, ""), bytes.toString("base64url")];
}
