/**
 * What the engine's own image store holds: list, remove, history.
 *
 * A removal is told only when the engine does not show any more what it says it took away.
 */
import { z } from "zod";
import type { Transport } from "../wire/transport.ts";
import { fail } from "../errors.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import { isImageId, parseReference } from "../reference/parse.ts";
import { familiarNames } from "./familiar-names.ts";
import { isShown } from "./inspect.ts";
import { tagTurn } from "./tag.ts";
import type { HistoryEntry, ImageSummary, RemoveResult } from "../types.ts";

const texts = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);
/** The last second that a date can be (ECMA-262, "Time Values and Time Range"). */
const LAST_SECOND = 8.64e12;
const time = z
  .number()
  .min(-LAST_SECOND)
  .max(LAST_SECOND)
  .transform((seconds) => new Date(seconds * 1000).toISOString());

const summaries = z.array(
  z
    .object({ Id: z.string(), RepoTags: texts, RepoDigests: texts, Size: z.number(), Created: time })
    .transform(({ Id, RepoTags, RepoDigests, Size, Created }): ImageSummary => ({
      imageId: Id,
      tags: familiarNames(RepoTags),
      digests: familiarNames(RepoDigests),
      size: Size,
      created: Created,
    })),
);

const removals = z.array(z.object({ Untagged: z.string().optional(), Deleted: z.string().optional() }));

const histories = z.array(
  z
    .object({ CreatedBy: z.string(), Created: time, Size: z.number(), Comment: z.string().default("") })
    .transform(({ CreatedBy, Created, Size, Comment }): HistoryEntry => ({
      createdBy: CreatedBy,
      created: Created,
      size: Size,
      comment: Comment,
    })),
);

/** Images with a name or a child-less layer, newest first as the engine gives them. */
export async function listImages(transport: Transport, signal: AbortSignal): Promise<readonly ImageSummary[]> {
  const operation = "the list of images";
  return parse(summaries, await transport.json({ method: "GET", path: "/images/json", signal, operation }), operation);
}

/** Under which the calls that change what an image is called take turns. @throws INVALID_REFERENCE */
export function removeTurn(image: string): string {
  return isImageId(image) ? image : tagTurn(image);
}

/** @throws IMAGE_NOT_FOUND CONFLICT (in use, or several tags and no force), ENGINE_PROTOCOL when it is still shown */
export async function removeImage(
  transport: Transport,
  image: string,
  { force, signal }: { force: boolean; signal: AbortSignal },
): Promise<RemoveResult> {
  checkName(image);
  const operation = `the removal of ${image}`;
  const answer = parse(
    removals,
    await transport.json({ method: "DELETE", path: `/images/${image}`, query: { force }, signal, operation }),
    operation,
  );
  if (answer.length === 0)
    throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine does not say what it took away`);
  const untagged = familiarNames(answer.flatMap(({ Untagged }) => (Untagged === undefined ? [] : [Untagged])));
  const deleted = answer.flatMap(({ Deleted }) => (Deleted === undefined ? [] : [Deleted]));
  // A name in full, because what an id begins with would be found otherwise.
  const asked = isImageId(image) ? image : withDefaultTag(normalizeReference(image)).canonical;
  // The first that was deleted is the image; those after it are its layers.
  for (const gone of new Set([asked, ...untagged, ...deleted.slice(0, 1)])) {
    if (!(await isShown(transport, gone, signal))) continue;
    throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine says that it is done and still shows ${gone}`, {
      stage: "read-back",
    });
  }
  return { untagged, deleted };
}

/** @throws IMAGE_NOT_FOUND */
export async function imageHistory(
  transport: Transport,
  image: string,
  signal: AbortSignal,
): Promise<readonly HistoryEntry[]> {
  checkName(image);
  const operation = `the history of ${image}`;
  return parse(
    histories,
    await transport.json({ method: "GET", path: `/images/${image}/history`, signal, operation }),
    operation,
  );
}

function checkName(image: string): void {
  if (!isImageId(image)) parseReference(image);
}

function parse<Output>(schema: z.ZodType<Output>, answer: unknown, operation: string): Output {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw fail("ENGINE_PROTOCOL", `${operation} failed: the engine's answer has another form`, { cause: parsed.error });
}
