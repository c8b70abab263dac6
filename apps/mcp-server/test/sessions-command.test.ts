/** `sessions …`: the durable record from a terminal, on a real store. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSandbox } from "./in-process-host.ts";
import type { Sandbox } from "./in-process-host.ts";

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await createSandbox();
});

afterEach(() => sandbox.remove());

const errorOf = (ran: { json(): Record<string, unknown> }) => (ran.json()["error"] as { code: string }).code;
const said = async (...argv: readonly string[]) => {
  const { status, stdout, stderr } = await sandbox.run(["sessions", ...argv]);
  return status === 0 ? stdout : `status ${status}: ${stderr}`;
};

/** Works with the record as a server would have, and closes it again. */
async function record<Result>(work: (sessions: SessionStore) => Promise<Result>): Promise<Result> {
  const storage = await openStorage(`sqlite:${join(sandbox.folder, "state", "state.db")}`);
  try {
    return await work(createSessionStore(storage));
  } finally {
    await storage.close();
  }
}

/** A session in which one call failed and one was completed. */
function fill(labels: Readonly<Record<string, string>> = {}): Promise<string> {
  return record(async (sessions) => {
    const { id } = await sessions.openSession({ labels });
    const start = { sessionId: id, tool: "build_image", correlationId: "c", dryRun: false, input: {}, job: false };
    const failed = await sessions.startExecution(start);
    const error = {
      code: "BUILD_FAILED",
      category: "build",
      message: "step 3",
      retryable: false,
      remedy: "r",
    } as const;
    await sessions.endExecution(failed.id, { status: "failed", error });
    const completed = await sessions.startExecution(start);
    await sessions.endExecution(completed.id, { status: "completed", result: {} });
    return id;
  });
}

test("an empty record is told as such by every command", async () => {
  expect(await said("list")).toBe("No session yet.\n");
  expect(await said("list", "--selector", "a=b")).toBe("No session has these labels.\n");
  expect(await said("stats")).toBe("Nothing was executed yet.\n");
  expect(await said("prune")).toBe("Nothing is old enough to be removed.\n");
  expect(await said("backups")).toContain("No backup yet");
});

test("statistics are told by tool, with what failed; of one session, and of none that is unknown", async () => {
  const id = await fill();
  expect(await said("stats")).toMatch(/build_image +2 +1 +1 +0 +0 +50%/);
  expect(await said("stats")).toMatch(/BUILD_FAILED +1 /);
  expect(await said("stats", "--session", id)).toMatch(/build_image +2 +1 +1/);
  expect(await said("stats", "--tool", "push_image")).toBe("Nothing was executed yet.\n");
  const { json } = await sandbox.run(["sessions", "stats", "--json"]);
  expect(json()).toMatchObject({ count: 2, failed: 1, successRate: 0.5, tools: { build_image: { count: 2 } } });
  const unknown = await sandbox.run(["sessions", "stats", "--session", "nope", "--json"]);
  expect([unknown.status, errorOf(unknown)]).toEqual([1, "SESSION_NOT_FOUND"]);
});

test("labels are set and removed, and sessions found by them", async () => {
  const id = await fill();
  await fill({ team: "b" });
  expect(await said("label", id, "team=a", "env=test")).toMatch(/: (?:team=a, env=test|env=test, team=a)\n$/);
  expect(await said("label", id, "env-")).toBe(`${id}: team=a\n`);
  const { json } = await sandbox.run(["sessions", "list", "--selector", "team=a", "--json"]);
  expect(json()).toMatchObject({ sessions: [{ id, labels: { team: "a" } }] });
  const wrong = await sandbox.run(["sessions", "label", id, "team", "--json"]);
  expect([wrong.status, errorOf(wrong)]).toEqual([2, "INVALID_INPUT"]);
});

test("an export is one JSON document, on stdout or in a new file for this user alone", async () => {
  const id = await fill();
  const read = (text: string) => ({ ...(JSON.parse(text) as object), exportedAt: 0 });
  const file = join(sandbox.folder, "out.json");
  expect(await said("export", id, "--output", "out.json")).toBe(`${id} is in ${file}.\n`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const exported = read(await readFile(file, "utf8"));
  expect(exported).toMatchObject({ session: { id }, executions: [{ status: "failed" }, { status: "completed" }] });
  expect(read(await said("export", id))).toEqual(exported);
  expect(read(await said("export", id, "--json"))).toEqual(exported);
  const again = await sandbox.run(["sessions", "export", id, "--output", "out.json", "--json"]);
  expect([again.status, errorOf(again)]).toEqual([1, "CONFLICT"]);
});

test("a deleted session is gone with what belonged to it", async () => {
  const id = await fill();
  expect(await said("delete", id)).toBe(`${id} is deleted, with 2 executions and 0 jobs.\n`);
  const shown = await sandbox.run(["sessions", "show", id, "--json"]);
  expect([shown.status, errorOf(shown)]).toEqual([1, "SESSION_NOT_FOUND"]);
});

test("sessions that expired are removed when they are old enough, and a time that is none is refused", async () => {
  const id = await fill();
  await record((sessions) => sessions.expireSession(id));
  expect(await said("prune")).toContain("Nothing is old enough");
  expect(await said("prune", "--older-than", "0s")).toContain("1 session and 0 idempotency keys were removed.");
  expect(await sandbox.run(["sessions", "prune", "--older-than", "soon"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("e.g. 30d"),
  });
});

test("a backup is made, listed and put back in place, and what was there before is set aside", async () => {
  const before = await fill();
  expect(await said("backup")).toMatch(/^backup \S+, .* in \//);
  const after = await fill();
  const { json } = await sandbox.run(["sessions", "backups", "--json"]);
  const name = (json()["backups"] as { name: string }[])[0]?.name ?? "";
  expect(await said("backups")).toContain(name);
  expect(await said("restore", name)).toMatch(/is in place\.\nWhat was there before is in \//);
  const list = await said("list");
  expect([list.includes(before), list.includes(after)]).toEqual([true, false]);
  const unknown = await sandbox.run(["sessions", "restore", "nope", "--json"]);
  expect([unknown.status, errorOf(unknown)]).toEqual([2, "NOT_FOUND"]);
});
