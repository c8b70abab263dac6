/** What the engine's own image store holds: list, remove, history. */
import { z } from "zod";
import type { Transport } from "../wire/transport.ts";
import { fail } from "../errors.ts";
import { isImageId, parseReference } from "../reference/parse.ts";
import { familiarNames } from "./familiar-names.ts";
import type { HistoryEntry, ImageSummary, RemoveResult } from "../types.ts";

const texts = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? []);
const time = (seconds: number) => new Date(seconds * 1000).toISOString();

const summaries = z.array(
  z
    .object({ Id: z.string(), RepoTags: texts, RepoDigests: texts, Size: z.number(), Created: z.number() })
    .transform(({ Id, RepoTags, RepoDigests, Size, Created }): ImageSummary => ({
      imageId: Id,
      tags: familiarNames(RepoTags),
      digests: familiarNames(RepoDigests),
      size: Size,
      created: time(Created),
    })),
);

const removals = z.array(z.object({ Untagged: z.string().optional(), Deleted: z.string().optional() }));

const histories = z.array(
  z
    .object({ CreatedBy: z.string(), Created: z.number(), Size: z.number(), Comment: z.string().default("") })
    .transform(({ CreatedBy, Created, Size, Comment }): HistoryEntry => ({
      createdBy: CreatedBy,
      created: time(Created),
      size: Size,
      comment: Comment,
    })),
);

/** Images with a name or a child-less layer, newest first as the engine gives them. */
export async function listImages(transport: Transport, signal: AbortSignal): Promise<readonly ImageSummary[]> {
  const operation = "the list of images";
  return parse(summaries, await transport.json({ method: "GET", path: "/images/json", signal, operation }), operation);
}

/** @throws IMAGE_NOT_FOUND CONFLICT (in use, or several tags and no force) */
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
  return {
    untagged: familiarNames(answer.flatMap(({ Untagged }) => (Untagged === undefined ? [] : [Untagged]))),
    deleted: answer.flatMap(({ Deleted }) => (Deleted === undefined ? [] : [Deleted])),
  };
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
