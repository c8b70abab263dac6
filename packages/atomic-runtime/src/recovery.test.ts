import type { UndoTask } from "@container-kit/session";
import { expect, test } from "vitest";
import { contextRig } from "../test/context-rig.ts";
import { rig, running, tool } from "../test/rig.ts";

const task = (tool: string, attempts = 0): UndoTask => ({
  executionId: `e-${tool}`,
  sessionId: "s1",
  tool,
  notes: [{ made: tool }],
  attempts,
});

test("each task of a dead process is undone, or it is told why not, and one that cannot be costs no other", async () => {
  const undone: unknown[] = [];
  const undo = (notes: readonly unknown[]) => (undone.push(...notes), Promise.resolve());
  const run = () => Promise.resolve({ text: "" });
  const { runtime, sessions } = rig([
    running(run, { name: "good_one", undo }),
    running(run, { name: "hidden_one", toolset: "sandbox", undo }),
    running(run, { name: "broken_one", undo: () => Promise.reject(new Error("cannot")) }),
    running(run, { name: "tired_one", undo }),
    tool({ name: "older_one" }),
  ]);
  sessions.recoverInterrupted = () => Promise.resolve({ executions: 6, jobs: 2 });
  sessions.claimUndoTasks = () =>
    Promise.resolve([
      task("broken_one"),
      task("gone_one"),
      task("tired_one", 5),
      task("older_one"),
      task("hidden_one"),
      task("good_one", 4),
    ]);
  const recovery = await runtime.recover();
  expect(recovery).toMatchObject({ executions: 6, jobs: 2, undone: 2 });
  expect(undone).toEqual(expect.arrayContaining([{ made: "good_one" }, { made: "hidden_one" }]));
  expect(recovery.problems.toSorted()).toEqual([
    "what execution e-broken_one of broken_one made is not undone: cannot",
    "what execution e-gone_one of gone_one made is not undone: the tool is not loaded",
    "what execution e-older_one of older_one made is not undone: this version of the tool cannot",
    "what execution e-tired_one of tired_one made is not undone: it was tried 5 times; remove it by hand",
  ]);
  // A tool that is not loaded now may be so at the next start: that is no failed attempt.
  expect([...sessions.undoFailures.keys()]).toEqual(["e-broken_one"]);
});

test("a record that cannot be read is told to who asked for the recovery, and the next recovery works", async () => {
  const { runtime, sessions } = rig([tool()]);
  const { recoverInterrupted } = sessions;
  sessions.recoverInterrupted = () => Promise.reject(new Error("disk on fire"));
  await expect(runtime.recover()).rejects.toThrow("disk on fire");
  sessions.recoverInterrupted = recoverInterrupted;
  expect(await runtime.recover()).toEqual({ executions: 0, jobs: 0, undone: 0, problems: [] });
});

test("entries that tell of what is undone are removed, and a store that cannot is no problem of the undoing", async () => {
  const undo = () => Promise.resolve();
  const { runtime, sessions, context, share } = await contextRig([tool({ name: "build_image", undo })]);
  await share("s1", "app:1");
  await share("s1", "app:2");
  sessions.claimUndoTasks = () => Promise.resolve([{ ...task("build_image"), executionId: "e-app:1" }]);
  expect(await runtime.recover()).toMatchObject({ undone: 1, problems: [] });
  expect((await context.query({ sessionId: "s1" })).map(({ key }) => key)).toEqual(["app:2"]);

  const removeProduced = () => Promise.reject(new Error("disk on fire"));
  const ill = await contextRig([tool({ name: "build_image", undo })], {}, () => ({ removeProduced }));
  ill.sessions.claimUndoTasks = () => Promise.resolve([task("build_image")]);
  expect(await ill.runtime.recover()).toMatchObject({ undone: 1, problems: [] });
  expect(ill.log).toContainEqual(
    expect.objectContaining({ message: "entries of what was undone could not be removed" }),
  );
});
