import { tempFolder } from "@container-kit/config/temp-folder";
import { beforeEach, expect, test } from "vitest";
import { begin, openStore } from "../test/open-store.ts";
import type { SessionStore } from "./index.ts";

let store: SessionStore;
let sessionId: string;

beforeEach(async () => {
  ({ store } = await openStore(tempFolder()));
  sessionId = (await store.openSession()).id;
});

test("notes come back newest first until they are cleared", async () => {
  const { id } = await begin(store, sessionId);
  const other = await begin(store, sessionId);
  for (const note of [{ tag: "a" }, { tag: "b" }, null]) await store.noteUndo(id, note);
  await store.noteUndo(other.id, "other");
  expect(await store.undoNotes(id)).toEqual([null, { tag: "b" }, { tag: "a" }]);
  await store.clearUndo(id);
  expect(await store.undoNotes(id)).toEqual([]);
  expect(await store.undoNotes(other.id)).toEqual(["other"]);
});

test("notes are taken only of an execution that runs here", async () => {
  await expect(store.noteUndo("exe_1", {})).rejects.toThrow(TypeError);
  const { id } = await begin(store, sessionId);
  await store.endExecution(id, { status: "completed", result: null });
  await expect(store.noteUndo(id, {})).rejects.toThrow(TypeError);
});

test("a settled key takes the notes of its execution with it, whoever else asks to settle", async () => {
  const { id } = await begin(store, sessionId);
  const other = await begin(store, sessionId);
  await store.claimIdempotencyKey("k", "print", id);
  for (const each of [id, other.id]) await store.noteUndo(each, {});
  await store.settleIdempotencyKey("of another", 1);
  expect(await store.undoNotes(id)).toHaveLength(1);
  await store.settleIdempotencyKey("k", 1);
  expect(await store.undoNotes(id)).toEqual([]);
  expect(await store.undoNotes(other.id)).toHaveLength(1);
});

test("what a living process is about to undo is nobody else's", async () => {
  const { id } = await begin(store, sessionId);
  await store.noteUndo(id, {});
  await store.failUndo(id);
  expect(await store.claimUndoTasks()).toEqual([]);
});
