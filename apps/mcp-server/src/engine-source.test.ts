import { expect, test } from "vitest";
import type { Engine } from "@container-kit/docker-ops";
import { createEngineSource } from "./engine-source.ts";

test("callers share one connection, and a failure is not remembered", async () => {
  let attempts = 0;
  let closed = 0;
  const engine = { close: async () => void (closed += 1) } as unknown as Engine;
  const source = createEngineSource(async () => {
    attempts += 1;
    if (attempts === 1) throw new Error("not yet");
    return engine;
  });
  await expect(Promise.all([source.get(), source.get()])).rejects.toThrow("not yet");
  expect(attempts).toBe(1);
  expect(await Promise.all([source.get(), source.get()])).toEqual([engine, engine]);
  expect(attempts).toBe(2);
  await source.close();
  expect(closed).toBe(1);
});

test("closing what was never opened connects to nothing", async () => {
  const source = createEngineSource(() => Promise.reject(new Error("must not be called")));
  await source.close();
});
