import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { sendFolder } from "./file-sync.ts";
import type { OfferedFolder } from "./file-sync.ts";
import type { GrpcCall } from "./grpc.ts";
import { varintField } from "./wire.ts";

const REQUEST = 1;

/** An engine that asks for the first file and then waits for it for ever. */
function waitingEngine(): { call: GrpcCall; sent: Buffer[] } {
  const sent: Buffer[] = [];
  const messages = async function* ask() {
    await sleep(10);
    yield Buffer.concat([varintField(1, REQUEST), varintField(3, 0)]);
    await new Promise(() => {});
  };
  return {
    sent,
    call: {
      metadata: {},
      messages: messages(),
      send: (message) => {
        sent.push(message);
        return Promise.resolve();
      },
    },
  };
}

const offer = (open: OfferedFolder["open"]): OfferedFolder => ({
  entries: async function* entries() {
    yield await Promise.resolve({ path: "file", type: "file", mode: 0o644, size: 4 } as const);
  },
  open,
});

test("a file that cannot be read ends the call, although the engine still waits for it", async () => {
  const { call } = waitingEngine();
  await expect(
    sendFolder(
      call,
      offer(() => Promise.reject(new Error("gone"))),
    ),
  ).rejects.toThrow("gone");
});

test("a file that is shorter than it was listed ends the call, and is not sent as whole", async () => {
  const { call, sent } = waitingEngine();
  const short = sendFolder(
    call,
    offer(() => Promise.resolve(Buffer.from("abc"))),
  );
  await expect(short).rejects.toMatchObject({ code: "CONTEXT_INVALID" });
  // The entry, the end of the list, and what there was of the file; what would end the file is missing.
  expect(sent).toHaveLength(3);
});
