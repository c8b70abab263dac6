import { fail } from "../errors.ts";
import { isImageId, parseReference } from "./parse.ts";
import type { ImageReference } from "./parse.ts";
import { shownReference } from "./shown-reference.ts";

/** What docker means by a reference, in both of its spellings. */
export interface NormalizedReference extends ImageReference {
  /** Never empty: `docker.io` where the text names none. */
  readonly registry: string;
  /** With `library/` where docker adds it. */
  readonly repository: string;
  /** Complete: `docker.io/library/node:20`. A tag is not added. */
  readonly canonical: string;
  /** As short as docker shows it: `node:20`. */
  readonly familiar: string;
}

const DEFAULT_REGISTRY = "docker.io";
const LEGACY_REGISTRY = "index.docker.io";
const OFFICIAL = "library/";

/**
 * Reads a reference as docker does (`ParseNormalizedNamed` of distribution/reference): the first part is a registry
 * when it has a dot, a colon or an upper-case letter, or is `localhost`; otherwise Docker Hub is meant.
 *
 * @throws INVALID_REFERENCE also for an image id, which names no repository
 */
export function normalizeReference(text: string): NormalizedReference {
  if (isImageId(text)) throw imageIdError(text);
  if (typeof text !== "string") parseReference(text);
  const { registry, remainder } = splitRegistry(text);
  const nameEnd = remainder.search(/[:@]/);
  const remote = nameEnd === -1 ? remainder : remainder.slice(0, nameEnd);
  if (remote !== remote.toLowerCase()) {
    const shown = shownReference(text);
    throw fail(
      "INVALID_REFERENCE",
      `${JSON.stringify(shown)} is not an image reference: the repository must be in lower case`,
      { details: { reference: shown } },
    );
  }
  const parsed = parseReference(`${registry}/${remainder}`);
  if (parsed.registry === "") {
    const shown = shownReference(text);
    throw fail(
      "INVALID_REFERENCE",
      `${JSON.stringify(shown)} is not an image reference: ${JSON.stringify(shownReference(registry))} is no registry host`,
      { details: { reference: shown } },
    );
  }
  const suffix = `${parsed.tag === undefined ? "" : `:${parsed.tag}`}${parsed.digest === undefined ? "" : `@${parsed.digest}`}`;
  return {
    ...parsed,
    canonical: `${parsed.registry}/${parsed.repository}${suffix}`,
    familiar: `${familiarName(parsed)}${suffix}`,
  };
}

/** The reference with `:latest` where it has neither tag nor digest. */
export function withDefaultTag(reference: NormalizedReference): NormalizedReference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return normalizeReference(`${reference.canonical}:latest`);
}

function splitRegistry(text: string): { registry: string; remainder: string } {
  const slash = text.indexOf("/");
  const first = slash === -1 ? "" : text.slice(0, slash);
  const namesRegistry = slash !== -1 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  let registry = namesRegistry ? first : DEFAULT_REGISTRY;
  let remainder = namesRegistry ? text.slice(slash + 1) : text;
  if (registry === LEGACY_REGISTRY) registry = DEFAULT_REGISTRY;
  if (registry === DEFAULT_REGISTRY && !remainder.includes("/")) remainder = OFFICIAL + remainder;
  return { registry, remainder };
}

/** Docker hides its own registry, and `library/` before a single component. */
function familiarName({ registry, repository }: ImageReference): string {
  if (registry !== DEFAULT_REGISTRY) return `${registry}/${repository}`;
  const [first, second, ...rest] = repository.split("/");
  return `${first}/` === OFFICIAL && second !== undefined && rest.length === 0 ? second : repository;
}

/** Says that an image id was given where a name is needed. */
export function imageIdError(text: string): Error {
  return fail("INVALID_REFERENCE", `${text} is an image id, which names no repository`, {
    details: { reference: text },
    remedy: "Give the image a name first with tag_image, then use that name.",
  });
}
