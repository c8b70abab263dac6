import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { engineRequest } from "./engine-request.ts";
import { startEngineProxy } from "./engine-proxy.ts";
import type { EngineProxy } from "./engine-proxy.ts";
import type { Fault, FaultRule } from "./engine-proxy-faults.ts";

const folder = mkdtempSync(join(tmpdir(), "proxy-test-"));
const target = `unix://${join(folder, "engine.sock")}`;
const aborted: string[] = [];
let engine: Server;
let proxy: EngineProxy;

beforeAll(async () => {
  engine = createServer((incoming, outgoing) => {
    outgoing.once("close", () => !outgoing.writableFinished && aborted.push(incoming.url ?? ""));
    if (incoming.url === "/endless") {
      outgoing.write("x");
      return;
    }
    let length = 0;
    incoming.on("data", (chunk: Buffer) => (length += chunk.length));
    incoming.on("end", () => {
      outgoing.setHeader("api-version", "1.41");
      outgoing.write(`${incoming.method} ${incoming.url} ${length} `);
      outgoing.end("0123456789");
    });
  });
  engine.on("upgrade", (incoming: IncomingMessage, socket) => {
    socket.write(`HTTP/1.1 101 Switching\r\nupgrade: ${incoming.headers.upgrade ?? ""}\r\nconnection: upgrade\r\n\r\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => engine.listen(join(folder, "engine.sock"), resolve));
});
afterEach(() => proxy.close());
afterAll(() => {
  engine.closeAllConnections();
  engine.close();
  rmSync(folder, { recursive: true });
});

async function withFault(fault: Fault, more: Partial<FaultRule> = {}): Promise<FaultRule> {
  const rule = { match: /^GET \/images/, fault, ...more };
  proxy = await startEngineProxy({ target, rules: [rule] });
  return rule;
}

const ask = (path = "/images/json", deadlineMs = 2_000) => engineRequest(proxy.host, "GET", path, { deadlineMs });

test("a request that no rule matches passes through, its body and its answer's headers included", async () => {
  const rule = await withFault({ kind: "reset" });
  const answer = await engineRequest(proxy.host, "POST", "/build?t=a", { body: "x".repeat(100_000) });
  expect(answer).toMatchObject({ status: 200, text: "POST /build?t=a 100000 0123456789" });
  expect(answer.headers["api-version"]).toBe("1.41");
  expect(proxy.fired(rule)).toBe(0);
  expect(proxy.requests()).toEqual([{ method: "POST", path: "/build?t=a" }]);
});

test("hang never answers", async () => {
  const rule = await withFault({ kind: "hang" });
  await expect(ask("/images/json", 150)).rejects.toThrow(/timeout|aborted/i);
  expect(proxy.fired(rule)).toBe(1);
});

test("answer speaks in the engine's place", async () => {
  await withFault({ kind: "answer", status: 503, body: "<html>", contentType: "text/html" });
  expect(await ask()).toMatchObject({ status: 503, text: "<html>" });
});

test("reset closes the connection before any header", async () => {
  await withFault({ kind: "reset" });
  await expect(ask()).rejects.toThrow(/hang up|ECONNRESET/);
});

test("replace changes the body and keeps the status and the headers", async () => {
  await withFault({ kind: "replace", body: (body) => body.toLowerCase() });
  const answer = await ask();
  expect(answer).toMatchObject({ status: 200, text: "get /images/json 0 0123456789" });
  expect(answer.headers["api-version"]).toBe("1.41");
});

test("cut breaks the connection after so many bytes, end finishes cleanly after as many", async () => {
  await withFault({ kind: "cut", afterBytes: 5 });
  await expect(ask()).rejects.toThrow(/aborted|ECONNRESET/);
  await proxy.close();
  await withFault({ kind: "end", afterBytes: 5 });
  expect(await ask()).toMatchObject({ status: 200, text: "GET /" });
});

test("stall sends so many bytes and then nothing", async () => {
  await withFault({ kind: "stall", afterBytes: 5 });
  const received = await new Promise<string>((resolve, reject) => {
    const sent = request({ socketPath: proxy.socketPath, path: "/images/json" }, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.on("error", () => undefined);
      answer.on("end", () => reject(new Error("it ended")));
      setTimeout(() => resolve(text), 150);
    });
    sent.on("error", () => undefined);
    sent.end();
  });
  expect(received).toBe("GET /");
});

test("slow delays the engine's answer", async () => {
  await withFault({ kind: "slow", delayMs: 120 });
  const start = performance.now();
  expect((await ask()).status).toBe(200);
  expect(performance.now() - start).toBeGreaterThan(110);
});

test("capture keeps the body that the engine got as well", async () => {
  proxy = await startEngineProxy({ target, rules: [{ match: /^POST/, fault: { kind: "capture" } }] });
  expect((await engineRequest(proxy.host, "POST", "/build", { body: "context" })).text).toContain(" 7 ");
  expect(proxy.captured()).toEqual([{ method: "POST", path: "/build", body: Buffer.from("context"), complete: true }]);
});

test("a rule fires after those it lets pass and as often as it may, and counts", async () => {
  const rule = await withFault({ kind: "answer", status: 500 }, { skip: 1, times: 2 });
  const statuses: number[] = [];
  for (let round = 0; round < 5; round += 1) statuses.push((await ask()).status);
  expect(statuses).toEqual([200, 500, 500, 200, 200]);
  expect(proxy.fired(rule)).toBe(2);
});

test("rules can be replaced while the proxy runs", async () => {
  await withFault({ kind: "answer", status: 500 });
  expect((await ask()).status).toBe(500);
  proxy.setRules([]);
  expect((await ask()).status).toBe(200);
});

test("a client that goes away aborts the request at the engine", async () => {
  await withFault({ kind: "hang" });
  await expect(ask("/endless", 150)).rejects.toThrow(/timeout|aborted/i);
  await sleep(50);
  expect(aborted).toContain("/endless");
});

test("an upgraded connection passes through in both directions", async () => {
  await withFault({ kind: "hang" });
  const echoed = await new Promise<string>((resolve, reject) => {
    const sent = request({
      socketPath: proxy.socketPath,
      method: "POST",
      path: "/session",
      headers: { connection: "Upgrade", upgrade: "h2c" },
    });
    sent.once("error", reject);
    sent.once("upgrade", (answer, socket) => {
      socket.once("data", (chunk: Buffer) => {
        socket.destroy();
        resolve(`${answer.headers.upgrade ?? ""} ${chunk.toString()}`);
      });
      socket.write("ping");
    });
    sent.end();
  });
  expect(echoed).toBe("h2c ping");
});

test("an engine that is not there closes the connection, as a dead engine does", async () => {
  proxy = await startEngineProxy({ target: `unix://${join(folder, "nobody.sock")}` });
  await expect(ask()).rejects.toThrow(/hang up|ECONNRESET/);
});
