import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { takeLock } from "./lock.ts";
import { shortHash } from "./paths.ts";

const folder = mkdtempSync(join(tmpdir(), "lock-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a second taker waits, is told who holds the lock, and gets it when the first lets go", async () => {
  const order: string[] = [];
  const release = await takeLock(folder);
  const second = takeLock(folder, { onWait: (holder) => order.push(`waits for ${holder}`) }).then((let_go) => {
    order.push("second has it");
    return let_go;
  });
  await sleep(100);
  order.push("first lets go");
  await release();
  await (
    await second
  )();
  expect(order).toEqual([`waits for ${process.pid}`, "first lets go", "second has it"]);
});

test("waiting ends at its deadline and when it is cancelled", async () => {
  const release = await takeLock(folder);
  await expect(takeLock(folder, { waitMs: 60 })).rejects.toThrow(/another set-up holds the rig/);
  const controller = new AbortController();
  const waiting = takeLock(folder, { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await expect(waiting).rejects.toThrow(/aborted/);
  await release();
});

test.runIf(process.platform === "linux")("a holder that is killed leaves no lock behind", async () => {
  const name = `\\0container-kit-rig-${shortHash(folder)}`;
  const script = `require("node:net").createServer().listen("${name}", () => process.send("held"))`;
  const holder = fork("-e", [script], { execArgv: [], stdio: "inherit", execPath: process.execPath });
  await new Promise((resolve) => holder.once("message", resolve));
  const taken = takeLock(folder);
  holder.kill("SIGKILL");
  await (
    await taken
  )();
});
