import { fail } from "../errors.ts";
import { DIGEST_LENGTHS, IDENTIFIER, LONGEST_NAME, NAME, REFERENCE } from "./grammar.ts";
import { shownReference } from "./shown-reference.ts";

/** An image reference in its parts. */
export interface ImageReference {
  /** Host with port, exactly as written; empty when the text names none. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  /** `algorithm:hex`. */
  readonly digest?: string;
}

/** Longer texts are refused before any expression looks at them: name, tag, sha512 digest and separators fit easily. */
const LONGEST_TEXT = 255 + 1 + 128 + 1 + 8 + 128;

/**
 * Parses an image reference exactly as written, by the grammar of distribution/reference (`Parse`).
 *
 * The first part is taken as the registry only where the grammar alone says so: for what docker means by a short
 * name, see {@link normalizeReference}.
 *
 * @throws INVALID_REFERENCE with the reason
 */
export function parseReference(text: string): ImageReference {
  // A caller without types may give anything.
  if (typeof text !== "string") throw invalid(String(text), "it is no text");
  if (text.length > LONGEST_TEXT) throw invalid(text, "it is too long");
  const match = REFERENCE.exec(text);
  if (match === null) throw invalid(text, reasonFor(text));
  const [, name = "", tag, digest] = match;
  if (name.length > LONGEST_NAME) throw invalid(text, `its name is longer than ${LONGEST_NAME} characters`);
  if (digest !== undefined) checkDigest(text, digest);
  const [, registry = "", repository = name] = NAME.exec(name) ?? [];
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Writes a reference down; the inverse of {@link parseReference}. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  const name = registry === "" ? repository : `${registry}/${repository}`;
  return `${name}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/** Whether the text is an image id rather than a reference. */
export function isImageId(text: string): boolean {
  return typeof text === "string" && IDENTIFIER.test(text);
}

function checkDigest(text: string, digest: string): void {
  const [algorithm = "", hex = ""] = digest.split(":");
  const length = DIGEST_LENGTHS[algorithm];
  if (length === undefined) throw invalid(text, `the digest algorithm ${algorithm} is not known`);
  if (hex.length !== length)
    throw invalid(text, `a ${algorithm} digest has ${length} hex digits, this one ${hex.length}`);
  if (hex !== hex.toLowerCase()) throw invalid(text, "the digest's hex digits must be in lower case");
}

function reasonFor(text: string): string {
  if (text === "") return "it is empty";
  if (text.trim() !== text || /\s/.test(text)) return "it contains white space";
  if (/^[a-z]+:\/\//i.test(text)) return "it is a URL; leave the scheme out";
  if (text.startsWith("-")) return "it begins with a dash";
  if (REFERENCE.test(text.toLowerCase())) return "the repository must be in lower case";
  if (text.includes("//")) return "a part of its path is empty";
  return "it does not follow the grammar";
}

function invalid(text: string, reason: string): Error {
  const shown = shownReference(text);
  return fail("INVALID_REFERENCE", `${JSON.stringify(shown)} is not an image reference: ${reason}`, {
    details: { reference: shown, reason },
  });
}
