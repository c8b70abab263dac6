import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { tempFolder } from "@container-kit/config/temp-folder";
import { openStorage } from "@container-kit/storage";
import { expect, test } from "vitest";
import { makeOldStore } from "../test/old-store.ts";
import { openStore } from "../test/open-store.ts";
import type { SessionStore } from "./index.ts";
import { sessionSchema } from "./migrations.ts";

const ONE = "ses_29aa9b85f69b06a005dad87b77803635";
const TWO = "ses_87653101452c17bed23837b9769a4115";

/** Everything that the old store held, as this version tells it. */
async function expectAllThere(store: SessionStore): Promise<void> {
  const [one, two] = [await store.getSession(ONE), await store.getSession(TWO)];
  expect(one.executions.map(({ tool, status, durationMs }) => [tool, status, durationMs])).toEqual([
    ["build_image", "completed", 4000],
    ["push_image", "failed", 1500],
    ["tag_image", "completed", 20],
    ["tag_image", "cancelled", 40],
  ]);
  expect(one.executions[0]).toMatchObject({
    id: "exe_hekbkcc4qp",
    input: { image: "app:1" },
    result: { image: "sha256:1" },
    attempts: 1,
  });
  expect(one.errors).toMatchObject([
    { code: "AUTH_FAILED", stage: "upload", category: "registry", causes: [] },
    { code: "CANCELLED" },
  ]);
  expect(one.jobs).toMatchObject([
    { executionId: "exe_hekbkcc4qp", status: "completed", progress: { message: "layer 2", current: 2, total: 4 } },
    { status: "failed", createdAt: 1767607264000, startedAt: 1767607264000, endedAt: 1767607265500 },
  ]);
  expect(one).toMatchObject({
    labels: {},
    metadata: {},
    createdAt: 1767607200000,
    expiresAt: 1767607200000 + 86_400_000,
  });
  expect(two.executions.map(({ id, tool, status }) => [id, tool, status])).toEqual([
    ["exe_hekd7yzsn4", "tag_image", "completed"],
    ["exe_hekd7yzsn5", "push_image", "interrupted"],
    ["exe_hekd7z00cw", "inspect_image", "interrupted"],
  ]);
  expect(two.jobs).toMatchObject([{ executionId: "exe_hekd7yzsn5", status: "interrupted" }]);
  const all = await store.statistics({ now: 1767610865580 });
  expect(all).toMatchObject({ count: 7, completed: 3, failed: 1, cancelled: 1, interrupted: 2, totalMs: 5560 });
  expect(all.hours).toMatchObject([{ count: 4, failed: 1 }, { count: 3 }]);
  expect(all.days).toMatchObject([{ count: 7 }]);
  expect(all.errors).toMatchObject([
    { code: "AUTH_FAILED", count: 1 },
    { code: "CANCELLED", count: 1 },
  ]);
  expect(Math.abs((all.tools["build_image"]?.p50 ?? 0) - 4000) / 4000).toBeLessThan(0.05);
  const settled = { state: "settled", outcome: { digest: "sha256:1" } };
  expect(await store.claimIdempotencyKey("settled", "print", "exe_2")).toEqual(settled);
}

test("a store of the first schema keeps every row, and is migrated once", async () => {
  const folder = tempFolder();
  makeOldStore(folder);
  for (const found of [
    { executions: 2, jobs: 1 },
    { executions: 0, jobs: 0 },
  ]) {
    const { store, storage } = await openStore(folder);
    expect(await store.recoverInterrupted()).toEqual(found);
    await expectAllThere(store);
    await storage.close();
  }
  const { store } = await openStore(folder);
  expect(await store.claimIdempotencyKey("pending", "another", "exe_2")).toEqual({ state: "claimed" });
});

test("a store that a newer program has migrated further is refused untouched", async () => {
  const folder = tempFolder();
  const { storage } = await openStore(folder);
  const later = { id: "9999-later", statements: ["CREATE TABLE later (id INTEGER) STRICT"] };
  storage.migrate({ ...sessionSchema, record: [...sessionSchema.record, later] });
  await storage.close();
  const before = hashes(folder);
  await expect(openStore(folder)).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
    message: expect.stringContaining("9999") as unknown,
  });
  const again = await openStorage(`sqlite:${folder}/`);
  await again.close();
  expect(hashes(folder)).toEqual(before);
});

function hashes(folder: string): readonly string[] {
  return ["state.db", "record.db"].map((name) =>
    createHash("sha256")
      .update(readFileSync(path.join(folder, name)))
      .digest("hex"),
  );
}
