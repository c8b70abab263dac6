import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isOurs, runProgram, startDetached, stopProcess } from "./process.ts";

const folder = mkdtempSync(join(tmpdir(), "process-test-"));
const mark = join(folder, "mark");
afterAll(() => rmSync(folder, { recursive: true }));

test("a process without our marks is never ended, whatever its id", async () => {
  const foreign = spawn("sleep", ["30"]);
  expect(isOurs(foreign.pid, [mark])).toBe(false);
  expect(await stopProcess(foreign.pid, [mark])).toBe(false);
  expect(foreign.exitCode).toBeNull();
  foreign.kill();
});

test("ids that name no process of ours are no processes of ours", () => {
  for (const pid of [undefined, 0, 1, -1, 4_194_304, Number.NaN]) expect(isOurs(pid, [])).toBe(false);
});

test("a process that ignores the request to end is killed", async () => {
  const script = 'process.on("SIGTERM", () => console.log("no")); setInterval(() => {}, 1000); console.log("ready")';
  const log = join(folder, "log");
  const pid = startDetached(process.execPath, ["-e", script, mark], log);
  expect(isOurs(pid, [mark])).toBe(true);
  await expect.poll(() => readFileSync(log, "utf8")).toBe("ready\n");
  expect(await stopProcess(pid, [mark], 200)).toBe(true);
  expect(isOurs(pid, [mark])).toBe(false);
  expect(readFileSync(log, "utf8")).toBe("ready\nno\n");
});

test("a program that fails or is not there is a result, not an exception", async () => {
  expect(await runProgram("sh", ["-c", "echo out; echo err >&2; exit 3"])).toEqual({
    code: 3,
    stdout: "out\n",
    stderr: "err\n",
  });
  expect((await runProgram("no-such-program", [])).code).toBe(127);
  expect((await runProgram("sleep", ["5"], { deadlineMs: 50 })).code).toBeNull();
});
