/** The engine is a map of tags; what a real one does is in the tests on a real one. */
import type { Engine, ImageDetails } from "@container-kit/docker-ops";
import { dockerErrors } from "@container-kit/docker-ops";
import { defineErrors } from "@container-kit/errors";
import { expect, test } from "vitest";
import { noteTags, restoreTags } from "./restore-tags.ts";

const fail = defineErrors(dockerErrors);
const { signal } = new AbortController();

/** An engine with these tags. */
function engineWith(tags: Record<string, string>) {
  const notes: unknown[] = [];
  const engine = {
    inspect: async (name: string) => {
      const imageId = tags[name] ?? Object.values(tags).find((id) => id === name);
      if (imageId === undefined) throw fail("IMAGE_NOT_FOUND", `no ${name}`);
      return { imageId } as ImageDetails;
    },
    tag: async (source: string, target: string) => void (tags[target] = source),
    remove: async (name: string) => void delete tags[name],
  } as unknown as Engine;
  const context = { signal, willMake: async (note: unknown) => void notes.unshift(JSON.parse(JSON.stringify(note))) };
  return { engine, tags, notes, context, restore: () => restoreTags(engine, notes, signal) };
}

test("a tag that was made is removed, and one that was moved goes back; a second time changes nothing", async () => {
  const { engine, tags, context, restore } = engineWith({ "a:1": "old", "b:1": "old" });
  await noteTags(engine, { tags: ["a:1", "c:1"], made: "new" }, context);
  Object.assign(tags, { "a:1": "new", "c:1": "new" });
  for (const _time of [1, 2]) {
    await restore();
    expect(tags).toEqual({ "a:1": "old", "b:1": "old" });
  }
});

test("a tag that somebody else has moved since stays, and so does one that was never moved", async () => {
  const { engine, tags, context, restore } = engineWith({ "a:1": "old", "b:1": "old" });
  await noteTags(engine, { tags: ["a:1", "b:1"], made: "new" }, context);
  tags["a:1"] = "somebody's";
  await restore();
  expect(tags).toEqual({ "a:1": "somebody's", "b:1": "old" });
});

test("a tag whose former image is gone is removed", async () => {
  const { engine, tags, context, restore } = engineWith({ "a:1": "old" });
  await noteTags(engine, { tags: ["a:1"], made: "new" }, context);
  tags["a:1"] = "new";
  await restore();
  expect(tags).toEqual({});
});

test("tags that are what they are to become already are not noted", async () => {
  const { engine, notes, context } = engineWith({ "a:1": "same" });
  await noteTags(engine, { tags: ["a:1"], made: "same" }, context);
  expect(notes).toEqual([]);
});
