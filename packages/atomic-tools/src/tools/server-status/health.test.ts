import { expect, test } from "vitest";
import type { ServerDescription } from "../../services.ts";
import { judgeHealth } from "./health.ts";

const store = { status: "ok", reasons: [], bytes: {}, behind: 0 } as const;
const runtime = { running: 0, waiting: 0, jobs: 0, refused: 0, openCircuits: [] };
const well: ServerDescription = { versions: {}, toolsets: [], store, runtime };

async function healthOf(parts: Partial<ServerDescription>, engine = {}) {
  const { status, reasons } = await judgeHealth({ ...well, ...parts, engine });
  return [status, ...reasons];
}

test("all that is known to be well is well", async () => {
  expect(await healthOf({})).toEqual(["ok"]);
});

test("a store that nobody tells of is unknown, and one that takes nothing is failing", async () => {
  const { store: _store, ...untold } = well;
  expect((await judgeHealth({ ...untold, engine: {} })).status).toBe("unknown");
  expect(await healthOf({ store: { ...store, status: "readOnly", reasons: ["the disk is full"] } })).toEqual([
    "failing",
    "the disk is full",
  ]);
});

test("each part that is not well is told with its reason", async () => {
  const alert = {
    name: "error-rate",
    state: "firing",
    since: 0,
    reason: "half of the calls fail",
    value: 0.5,
    limit: 0.1,
  };
  const parts = {
    plugins: [{ name: "fine" }, { name: "broken", problem: "it throws" }],
    runtime: { ...runtime, openCircuits: ["push_image r.example.com"] },
    alerts: [alert as never],
  };
  expect(await healthOf(parts, { problem: "no engine answers", remedy: "Start it." })).toEqual([
    "degraded",
    "no engine answers. Start it.",
    "plugin broken: it throws",
    expect.stringContaining("push_image r.example.com"),
    "error-rate: half of the calls fail",
  ]);
});
