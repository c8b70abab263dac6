import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { canSee, identifyProcess, isAlive } from "./process-identity.ts";

const withProc = test.skipIf(!existsSync("/proc/self/stat"));

test("this process is alive", () => {
  expect(isAlive(identifyProcess(process.pid))).toBe(true);
});

test("a process that has ended is dead", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  const identity = identifyProcess(child.pid ?? 0);
  expect(isAlive(identity)).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(isAlive(identity)).toBe(false);
});

withProc("a process that has ended and was not asked for yet is dead", async () => {
  // The shell becomes a sleep, which never asks for the child that the shell had.
  const parent = spawn("/bin/sh", ["-c", "true & echo $!; exec sleep 30"], { stdio: ["ignore", "pipe", "ignore"] });
  const [said] = (await once(parent.stdout, "data")) as [Buffer];
  const zombie = Number(said.toString());
  await expect.poll(() => isAlive(identifyProcess(zombie))).toBe(false);
  parent.kill("SIGKILL");
  await once(parent, "exit");
});

withProc("a number that another process has taken over is not the process that had it", () => {
  expect(isAlive({ ...identifyProcess(process.pid), processStart: "1" })).toBe(false);
});

withProc("nothing of another boot is alive", () => {
  expect(isAlive({ ...identifyProcess(process.pid), bootId: "another" })).toBe(false);
});

test("a process of which only the number is known is alive while the number is taken", () => {
  expect(isAlive({ pid: process.pid, processStart: null, bootId: null, namespace: null })).toBe(true);
});

withProc("a process of another pid namespace is in doubt, whatever has its number here", () => {
  const ended = { ...identifyProcess(process.pid), processStart: "1", namespace: "pid:[1]" };
  expect([isAlive(ended), canSee(ended)]).toEqual([true, false]);
  expect(isAlive({ ...ended, bootId: "another" })).toBe(false);
});
