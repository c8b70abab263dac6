/** `sessions …`: the durable record from a terminal, on a real store. */
import fs from "node:fs";
import { open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
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

test("a record on a network file system is refused, with the key that allows it; and opened where it is said", async () => {
  pretendNetworkFileSystem();
  const refused = await sandbox.run(["sessions", "list", "--json"]);
  expect([refused.status, refused.json()]).toMatchObject([
    75,
    {
      error: {
        code: "STORE_UNAVAILABLE",
        message: expect.stringContaining("NFS"),
        remedy: expect.stringContaining("allowNetworkFileSystem: true"),
      },
    },
  ]);
  await writeFile(join(sandbox.folder, "user.yaml"), "allowNetworkFileSystem: true\n");
  const allowed = await sandbox.run(["sessions", "list", "--json", "--config", "user.yaml"]);
  expect([allowed.status, allowed.json()]).toEqual([0, { sessions: [] }]);
});

test("a damaged record is set aside with the command that puts the newest backup back, and that command does", async () => {
  const id = await fill();
  await said("backup");
  const file = await open(join(sandbox.folder, "state", "state.db"), "r+");
  await file.write(Buffer.alloc(8192, 0xee), 0, 8192, 0);
  await file.close();
  const damaged = await sandbox.run(["sessions", "list", "--json"]);
  expect([damaged.status, errorOf(damaged)]).toEqual([1, "STORE_CORRUPT"]);
  const { remedy } = damaged.json()["error"] as { remedy: string };
  const [, name = ""] = /container-kit sessions restore (\S+)/.exec(remedy) ?? [];
  expect(await said("restore", name)).toContain("is in place.");
  expect(await said("list")).toContain(id);
});

test("a record that a newer version has written is refused untouched, and one that cannot be written says so", async () => {
  const folder = join(sandbox.folder, "state");
  await record((sessions) => sessions.openSession());
  await record(async () => {
    const database = openFile(join(folder, "state.db"));
    database.exec("INSERT INTO _migrations (package, id, applied_at) VALUES ('session', '9999-later', 0)");
    database.close();
  });
  const newer = await sandbox.run(["sessions", "list", "--json"]);
  expect([errorOf(newer), newer.stdout]).toEqual(["STORE_UNAVAILABLE", expect.stringContaining("newer")]);
  await rm(folder, { recursive: true });
  await writeFile(folder, "a file");
  const blocked = await sandbox.run(["sessions", "list", "--json"]);
  expect([errorOf(blocked), blocked.stdout]).toEqual(["STORE_UNAVAILABLE", expect.stringContaining(folder)]);
  expect(blocked.stdout).toContain("name another one with CONTAINER_KIT_HOME");
});

test("labels that could steer a terminal or a program are refused, and one that names a prototype is kept as data", async () => {
  const id = await fill();
  for (const label of [
    "a=\u001b[31mred",
    "a=two\nlines",
    "__proto__=x",
    `${"k".repeat(64)}=v`,
    `k=${"v".repeat(64)}`,
  ]) {
    const refused = await sandbox.run(["sessions", "label", id, label, "--json"]);
    expect([label, refused.status, errorOf(refused)]).toEqual([label, 2, "INVALID_INPUT"]);
  }
  expect(await said("label", id, "constructor=x")).toBe(`${id}: constructor=x\n`);
  expect(await said("list", "--selector", "constructor=x")).toContain(id);
  const wrong = await sandbox.run(["sessions", "list", "--selector", "a in", "--json"]);
  expect([wrong.status, errorOf(wrong)]).toEqual([2, "INVALID_INPUT"]);
});

test("a session of many executions is exported whole", async () => {
  const id = await record(async (sessions) => {
    const session = await sessions.openSession();
    for (let index = 0; index < 3_000; index += 1) {
      const input = { index, text: "x".repeat(200) };
      const start = { sessionId: session.id, tool: "t", correlationId: "c", dryRun: false, input, job: false };
      const { id: executionId } = await sessions.startExecution(start);
      await sessions.endExecution(executionId, { status: "completed", result: {} });
    }
    return session.id;
  });
  const exported = JSON.parse(await said("export", id)) as { executions: { input: { index: number } }[] };
  expect(exported.executions.map(({ input }) => input.index)).toEqual(
    Array.from({ length: 3_000 }, (_, index) => index),
  );
});

/** Every folder lies on NFS until the test ends, as far as this process can see. */
function pretendNetworkFileSystem(): void {
  const { statfsSync } = fs;
  const pretend = (type: number | undefined): void => {
    fs.statfsSync = (type === undefined ? statfsSync : () => ({ type })) as typeof statfsSync;
    syncBuiltinESMExports();
  };
  pretend(0x6969);
  onTestFinished(() => pretend(undefined));
}

/** The file as another program would open it. */
function openFile(path: string): { exec(statement: string): void; close(): void } {
  const Database = createRequire(import.meta.url)("better-sqlite3") as new (
    path: string,
  ) => ReturnType<typeof openFile>;
  return new Database(path);
}
