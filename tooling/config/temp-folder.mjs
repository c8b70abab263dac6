import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach } from "vitest";

const made = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

export function tempFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), "container-kit-"));
  made.push(folder);
  return folder;
}
