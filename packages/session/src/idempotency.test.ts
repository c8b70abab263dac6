import { tempFolder } from "@container-kit/config/temp-folder";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSessionStore } from "./index.ts";
import type { SessionStore } from "./index.ts";

let storages: Storage[];
let store: SessionStore;
let other: SessionStore;

beforeEach(async () => {
  const url = `sqlite:${tempFolder()}/`;
  const [first, second] = await Promise.all([openStorage(url), openStorage(url)]);
  storages = [first, second];
  store = createSessionStore(first);
  other = createSessionStore(second);
});

afterEach(() => Promise.all(storages.map((storage) => storage.close())));

test("a key is claimed once, and the repeated call gets the first outcome", async () => {
  expect(await store.claimIdempotencyKey("k", "print", "exe_1")).toEqual({ state: "claimed" });
  expect(await store.claimIdempotencyKey("k", "print", "exe_2")).toEqual({ state: "pending", executionId: "exe_1" });
  await store.settleIdempotencyKey("k", { ok: true, long: "x".repeat(300_000) });
  for (const each of [store, other]) {
    expect(await each.claimIdempotencyKey("k", "print", "exe_3")).toEqual({
      state: "settled",
      outcome: { ok: true, long: "x".repeat(300_000) },
    });
  }
});

test("of many claims at once, one is granted", async () => {
  const claims = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      (index % 2 === 0 ? store : other).claimIdempotencyKey("k", "print", `exe_${index}`),
    ),
  );
  expect(claims.filter((claim) => claim.state === "claimed")).toHaveLength(1);
  expect(claims.filter((claim) => claim.state === "pending")).toHaveLength(39);
});

test("a key that was used for another call is a mismatch, done or not", async () => {
  await store.claimIdempotencyKey("k", "print", "exe_1");
  expect(await store.claimIdempotencyKey("k", "other", "exe_2")).toEqual({ state: "mismatch" });
  await store.settleIdempotencyKey("k", 1);
  expect(await store.claimIdempotencyKey("k", "other", "exe_2")).toEqual({ state: "mismatch" });
});

test("a released key can be claimed again, for another call too", async () => {
  await store.claimIdempotencyKey("k", "print", "exe_1");
  await store.releaseIdempotencyKey("k");
  expect(await store.claimIdempotencyKey("k", "other", "exe_2")).toEqual({ state: "claimed" });
});

test("a settled key is not released and not settled again", async () => {
  await store.claimIdempotencyKey("k", "print", "exe_1");
  await store.settleIdempotencyKey("k", undefined);
  await store.settleIdempotencyKey("k", 2);
  await store.releaseIdempotencyKey("k");
  expect(await store.claimIdempotencyKey("k", "print", "exe_2")).toEqual({ state: "settled", outcome: null });
});

test("only who claimed a key settles or releases it", async () => {
  await store.claimIdempotencyKey("k", "print", "exe_1");
  await other.settleIdempotencyKey("k", "not mine");
  await other.releaseIdempotencyKey("k");
  expect(await other.claimIdempotencyKey("k", "print", "exe_2")).toEqual({ state: "pending", executionId: "exe_1" });
});
