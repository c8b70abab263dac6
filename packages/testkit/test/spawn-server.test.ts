import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { spawnServer } from "../src/index.ts";
import type { SpawnedServer, SpawnServerOptions } from "../src/index.ts";

const cli = fileURLToPath(new URL("fixtures/echo-server.mjs", import.meta.url));
const running: SpawnedServer[] = [];

async function start(options: Partial<SpawnServerOptions> = {}): Promise<SpawnedServer> {
  const server = await spawnServer({ cli, args: [], ...options });
  running.push(server);
  return server;
}

afterEach(async () => {
  for (const server of running.splice(0)) await server.kill();
});

test("a client is connected and calls a tool; stdout holds messages only", async () => {
  const server = await start({ env: { MARKER: "set" } });
  const result = await server.client.callTool({ name: "echo", arguments: { a: 1 } });
  expect(result.content).toEqual([{ type: "text", text: '{"a":1}' }]);
  expect(server.impurities()).toEqual([]);
  expect(server.stdout().toString()).toContain('"jsonrpc":"2.0"');
  expect(server.stderr()).toBe("marker set\n");
});

test("a line on stdout that is no message is found, and the messages after it still arrive", async () => {
  const server = await start({ args: ["--impure"] });
  expect((await server.client.listTools()).tools).toHaveLength(1);
  expect(server.impurities()).toEqual(["hello"]);
});

test("close takes stdin away and waits for the end; kill says which signal ended it", async () => {
  const first = await start();
  expect(await first.close()).toEqual({ code: 0, signal: null });
  const second = await start();
  expect(await second.kill()).toEqual({ code: null, signal: "SIGKILL" });
});

test("a server that dies before the handshake is an error that shows its stderr", async () => {
  await expect(start({ args: ["--die"] })).rejects.toThrow(/did not answer the handshake/);
});
