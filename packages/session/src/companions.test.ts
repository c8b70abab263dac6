import { tempFolder } from "@container-kit/config/temp-folder";
import { beforeEach, expect, test } from "vitest";
import { openStore } from "../test/open-store.ts";
import type { SessionCompanion } from "./index.ts";

const DAY = 24 * 60 * 60 * 1000;

let folder: string;
let now: number;

beforeEach(() => {
  folder = tempFolder();
  now = Date.UTC(2026, 0, 1);
});

/** Keeps notes of sessions in memory; fails as often as it is told to. */
function createNotes(name: string, failures = 0): SessionCompanion & { readonly removed: string[] } {
  const removed: string[] = [];
  let left = failures;
  return {
    name,
    removed,
    async removeSession(sessionId) {
      left -= 1;
      if (left >= 0) throw new RangeError(`${name} cannot remove it`);
      removed.push(sessionId);
    },
    exportSession: async (sessionId) => ({ of: sessionId }),
  };
}

test("what others keep of a session is exported with it and goes with it, also when it is pruned", async () => {
  const [notes, silent] = [createNotes("notes"), createNotes("silent")];
  const { exportSession: _none, ...withoutExport } = silent;
  const { store } = await openStore(folder, { clock: () => now, companions: [notes, withoutExport] });
  const [deleted, pruned] = [await store.openSession(), await store.openSession()];
  const exported = await store.exportSession(deleted.id);
  expect(exported).toMatchObject({ format: "container-kit-session", notes: { of: deleted.id } });
  expect(exported).not.toHaveProperty("silent");
  await store.deleteSession(deleted.id);
  expect([notes.removed, silent.removed]).toEqual([[deleted.id], [deleted.id]]);
  now += 32 * DAY;
  expect(await store.prune()).toMatchObject({ sessions: 1 });
  expect([notes.removed, silent.removed]).toEqual([
    [deleted.id, pruned.id],
    [deleted.id, pruned.id],
  ]);
});

test("one that fails is told to who deletes, keeps nothing else from going, and is asked again until it succeeds", async () => {
  const [failing, notes] = [createNotes("failing", 2), createNotes("notes")];
  const { store } = await openStore(folder, { companions: [failing, notes] });
  const { id } = await store.openSession();
  await store.workspace(id);
  await expect(store.deleteSession(id)).rejects.toThrow("failing cannot remove it");
  await expect(store.touchSession(id)).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
  await expect(store.prune()).rejects.toThrow("failing cannot remove it");
  expect([failing.removed, notes.removed]).toEqual([[], [id, id]]);
  await store.prune();
  await store.prune();
  expect([failing.removed, notes.removed]).toEqual([[id], [id, id, id]]);
});

test("one that fails keeps no other expired session from being pruned", async () => {
  const failing = createNotes("failing", 2);
  const { store } = await openStore(folder, { clock: () => now, companions: [failing] });
  const ids = [(await store.openSession()).id, (await store.openSession()).id];
  now += 32 * DAY;
  await expect(store.prune()).rejects.toThrow("failing cannot remove it");
  for (const id of ids) await expect(store.getSession(id)).rejects.toMatchObject({ code: "SESSION_NOT_FOUND" });
  expect(await store.prune()).toEqual({ sessions: 0, keys: 0 });
  expect(failing.removed.toSorted()).toEqual(ids.toSorted());
});
