import { JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import { expect, test } from "vitest";
import { isMessage } from "./read-message.ts";

const VALUES = [undefined, null, 0, 1, -7, 1.5, 2 ** 53, "", "x", "2.0", true, [], [1], {}, { a: 1 }];
const METAS = [
  ...VALUES,
  ...VALUES.map((progressToken) => ({ progressToken })),
  ...VALUES.map((task) => ({ "io.modelcontextprotocol/related-task": task })),
  ...VALUES.map((taskId) => ({ "io.modelcontextprotocol/related-task": { taskId } })),
];

/** Every message with one part replaced by every value, as it looks after a journey as JSON. */
function* variants(): Generator {
  const whole = [
    { jsonrpc: "2.0", id: 1, method: "ping" },
    { jsonrpc: "2.0", id: "a", method: "tools/call", params: { name: "x", _meta: { progressToken: 1 } } },
    { jsonrpc: "2.0", method: "notifications/initialized" },
    { jsonrpc: "2.0", id: 1, result: {} },
    { jsonrpc: "2.0", id: 1, error: { code: -1, message: "no" } },
    { jsonrpc: "2.0", error: { code: -1, message: "no", data: [1] } },
  ];
  yield* VALUES;
  for (const message of whole) {
    yield message;
    for (const part of ["jsonrpc", "id", "method", "params", "result", "error", "more", "__proto__x"]) {
      for (const value of VALUES) yield { ...message, [part]: value };
    }
    for (const _meta of METAS) {
      yield { ...message, params: { _meta } };
      yield { ...message, result: { _meta } };
    }
    for (const value of VALUES) {
      yield { ...message, error: { code: value, message: "no" } };
      yield { ...message, error: { code: -1, message: value } };
    }
  }
}

test("what counts as a message is exactly what the SDK's schema takes", () => {
  let taken = 0;
  for (const variant of variants()) {
    const text = JSON.stringify(variant);
    const value: unknown = text === undefined ? undefined : JSON.parse(text);
    const expected = JSONRPCMessageSchema.safeParse(value).success;
    expect(isMessage(value), text).toBe(expected);
    if (expected) taken += 1;
  }
  expect(taken).toBeGreaterThan(100);
});
