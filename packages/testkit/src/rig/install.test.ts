import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ensurePrograms } from "./install.ts";
import type { Need } from "./install.ts";
import { readMade, recordMade } from "./made.ts";
import { rigPaths } from "./paths.ts";

const folder = mkdtempSync(join(tmpdir(), "install-test-"));
const paths = rigPaths({ CONTAINER_KIT_RIG: folder });
afterAll(() => rmSync(folder, { recursive: true }));

test("where installing is forbidden, what is missing is named with the command that brings it", async () => {
  const installing = ensurePrograms(paths, ["no-such-program" as Need], { mayInstall: false });
  await expect(installing).rejects.toMatchObject({
    message: "no-such-program is not installed, and installing is forbidden",
    remedy: expect.stringContaining("apt-get install"),
    unavailable: true,
  });
});

test("programs that are there need nothing, not even the right to install", async () => {
  expect(await ensurePrograms(paths, [], { mayInstall: false })).toEqual([]);
});

test("the record of what was done grows and is kept over readings", () => {
  expect(readMade(paths)).toEqual({ installed: [], images: [] });
  recordMade(paths, { installed: ["a"] });
  recordMade(paths, { policyFile: true });
  expect(readMade(paths)).toEqual({ installed: ["a"], images: [], policyFile: true });
});
