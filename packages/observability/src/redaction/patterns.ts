import { MASK } from "../secret.ts";

/**
 * What looks like a secret without having been announced.
 *
 * - P1  Every pattern runs in linear time: no nested repetition over one class of characters, and what is repeated
 *       without a bound is followed by nothing that could fail.
 * - P2  A masked text is masked again to itself, also where the rest of a value arrives later: the part before a value
 *       stays, and the mask itself counts as the beginning of one.
 * - P3  No pattern but that of a private key reaches over the end of a line.
 * - P4  Where {@link TRIGGER} finds nothing, no pattern does.
 */

/** A key that ends in one of these words, however it is written before: `PGPASSWORD`, `dbPassword`, `npm.token`. */
const SECRET_KEY =
  /(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|authorization)$|(?:^|[_.-])auth$/i;

/** Names of variables that have such a word anywhere, `TOKEN_FOR_CI`, but for those that say where the secret is. */
const SECRET_VARIABLE =
  /^(?:[A-Z0-9_]{1,128}_)?(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS?)(?:_(?!(?:[A-Z0-9_]{0,128}_)?(?:FILE|PATH|DIR|URL|URI|HOST|NAME|ID|TTL|TYPE|ENABLED|LENGTH|HEADER)$)[A-Z0-9_]{1,128})?$/;

/** A value within quotes, which may hold escaped ones. */
const QUOTED = String.raw`[^"\\\n]*(?:\\[^\n][^"\\\n]*){0,4000}`;

/** The assignment of a variable that is named for a secret. */
const VARIABLE = String.raw`[A-Z0-9_]{0,64}(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY)[ \t]?=[ \t]?`;

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [
    new RegExp(
      String.raw`("(?:[\w.-]{0,64}(?:password|passwd|secret|token|api_?key|access_?key|private_?key)|_?auth)"[ \t]{0,4}:[ \t]{0,4}")(?!")${QUOTED}`,
      "gi",
    ),
    `$1${MASK}`,
  ],
  [
    /(\\"(?:[\w.-]{0,64}(?:password|passwd|secret|token|api_?key|access_?key|private_?key)|_?auth)\\"[ \t]{0,4}:[ \t]{0,4}\\")[^"\\\n]+/gi,
    `$1${MASK}`,
  ],
  [/(--?(?:password|passwd|secret|token|api-?key)[ =])[^\s"']+/gi, `$1${MASK}`],
  [/(\b[a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@]{1,512}@/gi, `$1${MASK}@`],
  [
    /(\b(?:authorization|x-registry-auth|x-registry-config)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?)(?:(?:basic|bearer|digest|token|api-?key)[ \t]+)?[^\s"',]+/gi,
    `$1${MASK}`,
  ],
  [/(\b(?:basic|bearer)[ \t]+)(?:\[redacted\][\w+/=.~-]*|[\w+/=.~-]{16,})/gi, `$1${MASK}`],
  // Where a quote is opened and not closed, it stays: what comes later belongs to it (P2).
  [new RegExp(String.raw`(\b${VARIABLE})(?:"[^"\n]*"|'[^'\n]*'|(["'])[^\n]*|[^\s"']+)`, "gi"), `$1$2${MASK}`],
  [
    /\b(gh[pousr]_|github_pat_|glpat-|npm_|dckr_pat_|dckr_oat_|xox[abeoprs]-|sk-(?:ant|proj)-|AIza|pypi-AgE)(?:\[redacted\][\w-]*|[\w-]{20,})/g,
    `$1${MASK}`,
  ],
  [/\b(eyJ)(?:\[redacted\][\w.-]*|[\w-]{8,}\.[\w-]{8,}\.[\w-]*)/g, `$1${MASK}`],
  [/(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)(?:\[redacted\])?[A-Za-z0-9+/=\s\\]+/g, `$1${MASK}`],
];

/** P4: one look that decides whether the patterns are tried at all. */
const TRIGGER =
  /:\/\/|passw|secret|token|(?:api|access|private)[_ -]?key|authorization|x-registry-|basic[ \t]|bearer[ \t]|gh[pousr]_|github_pat_|glpat-|npm_|dckr_|xox[abeoprs]-|eyJ|"_?auth\\?"|sk-(?:ant|proj)-|aiza|pypi-age/i;

/** Shorter than any match of any pattern. */
const SHORTEST_MATCH = 6;

/** The text with everything masked that looks like a secret; the same text where nothing does. */
export function maskPatterns(text: string): string {
  if (text.length < SHORTEST_MATCH || !TRIGGER.test(text)) return text;
  let masked = text;
  for (const [pattern, replacement] of PATTERNS) masked = masked.replace(pattern, replacement);
  return masked;
}

/** Whether a value is to be masked for the name that it bears. */
export function isSecretKey(key: string): boolean {
  return key !== "" && (SECRET_KEY.test(key) || SECRET_VARIABLE.test(key));
}
