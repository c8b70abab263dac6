import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRedactor } from "@container-kit/observability";
import { expect, onTestFinished, test } from "vitest";
import { openLogFile } from "./log-file.ts";

test("a log holds every line, only its owner reads it, and a secret of several lines is in none of them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "log-file-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const redactor = createRedactor();
  redactor.learn("line-1\nline-2\nline-3");
  const file = join(folder, "build.log");
  const log = openLogFile(file, redactor);
  for (const line of ["before", "line-1", "line-2", "line-3", "after"]) log.write(line);
  await log.close();
  expect(readFileSync(file, "utf8")).toBe("before\n[redacted]\nafter\n");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  await log.close();
});
