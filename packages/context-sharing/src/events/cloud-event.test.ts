import { expect, test } from "vitest";
import { toCloudEvent } from "./cloud-event.ts";

test("an event is told to others as CloudEvents 1.0", () => {
  const event = {
    id: "evt_1",
    cursor: "c1",
    at: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    type: "tool.completed",
    sessionId: "ses_1",
    correlationId: "one",
    executionId: "exe_1",
    data: { tool: "build_image" },
  };
  expect(toCloudEvent(event, "/container-kit")).toEqual({
    specversion: "1.0",
    id: "evt_1",
    source: "/container-kit",
    type: "tool.completed",
    subject: "ses_1",
    time: "2026-01-02T03:04:05.006Z",
    datacontenttype: "application/json",
    data: { tool: "build_image" },
    cursor: "c1",
    correlationid: "one",
    executionid: "exe_1",
  });
});

test("what an event has not is left out", () => {
  const event = { id: "evt_1", cursor: "c1", at: 0, type: "bus.undelivered", sessionId: null, data: {} };
  expect(Object.keys(toCloudEvent(event, "/container-kit"))).not.toEqual(
    expect.arrayContaining(["subject", "correlationid", "executionid"]),
  );
});
