import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "run-cli-"));
const cli = join(folder, "cli.mjs");

beforeAll(() => {
  const lines = [
    "const [what] = process.argv.slice(2);",
    "if (what === 'wait') setInterval(() => undefined, 1000);",
    "else {",
    "  process.stderr.write(`${process.env.CK_A ?? 'unset'}`);",
    "  for await (const chunk of process.stdin) process.stdout.write(chunk);",
    "  process.exitCode = Number(what);",
    "}",
  ];
  writeFileSync(cli, lines.join("\n"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the exit status and both outputs come back", async () => {
  const result = await runCli(cli, ["3"], { input: "in", env: { CK_A: "a" } });
  expect(result).toEqual({ code: 3, signal: null, stdout: "in", stderr: "a" });
});

test("an undefined value removes a variable", async () => {
  process.env["CK_A"] = "outside";
  try {
    expect((await runCli(cli, ["0"], { env: { CK_A: undefined } })).stderr).toBe("unset");
  } finally {
    delete process.env["CK_A"];
  }
});

test("a program that does not end is killed at its deadline, or when the test gives up", async () => {
  expect(await runCli(cli, ["wait"], { deadlineMs: 300 })).toMatchObject({ code: null, signal: "SIGKILL" });
  const controller = new AbortController();
  const started = runCli(cli, ["wait"], { signal: controller.signal, onStart: () => controller.abort() });
  expect(await started).toMatchObject({ code: null, signal: "SIGKILL" });
});
