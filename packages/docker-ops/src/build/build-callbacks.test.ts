import { expect, test } from "vitest";
import { createRedactor, MASK } from "@container-kit/observability";
import { guardCallbacks } from "./build-callbacks.ts";

const redactor = createRedactor({ announcedOnly: true });
redactor.learn("hunter22");

test("a callback whose promise rejects ends the build with what it rejected with", async () => {
  const reason = new Error("disk full");
  const rejecting = { onLog: () => Promise.reject(reason), onProgress: () => Promise.resolve() } as object;
  const { onLog, onProgress, failed } = guardCallbacks(rejecting, redactor);
  onProgress({ phase: "log", message: "x" });
  expect(failed.aborted).toBe(false);
  onLog("line");
  await Promise.resolve();
  expect(failed.reason).toBe(reason);
});

test("a callback that throws throws", () => {
  const { onLog } = guardCallbacks(
    {
      onLog: () => {
        throw new Error("disk full");
      },
    },
    redactor,
  );
  expect(() => onLog("line")).toThrow("disk full");
});

test("lines are masked, and a caller without callbacks is none", () => {
  const lines: string[] = [];
  guardCallbacks({ onLog: (line) => lines.push(line) }, redactor).onLog("it is hunter22");
  expect(lines).toEqual([`it is ${MASK}`]);
  expect(() => guardCallbacks({}, redactor).onLog("line")).not.toThrow();
});
