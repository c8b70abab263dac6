import { once } from "node:events";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { json, startScriptedEngine } from "../../test/scripted-engine.ts";
import type { Script, ScriptedEngine } from "../../test/scripted-engine.ts";
import { openTransport } from "./transport.ts";
import type { Transport } from "./transport.ts";

const signal = new AbortController().signal;
const operation = "the test";
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(script: Script): Promise<{ engine: ScriptedEngine; transport: Transport }> {
  const engine = await startScriptedEngine(script);
  const transport = await openTransport({ host: engine.host, source: "test" }, {});
  closers.push(
    () => engine.close(),
    () => transport.close(),
  );
  return { engine, transport };
}

const ask = (transport: Transport, path = "/x") => transport.json({ method: "GET", path, signal, operation });
const change = (transport: Transport) => transport.json({ method: "POST", path: "/x", signal, operation });

test("the first question after each of twenty restarts is answered", async () => {
  const { engine, transport } = await open((_request, response) => json(response, { fine: true }));
  for (let restart = 0; restart < 20; restart += 1) {
    expect(await ask(transport)).toEqual({ fine: true });
    await engine.restart();
    expect(await ask(transport)).toEqual({ fine: true });
  }
});

test("the first change after each of twenty restarts is made, and made once", async () => {
  const { engine, transport } = await open((_request, response) => json(response, {}));
  for (let restart = 0; restart < 20; restart += 1) {
    await ask(transport);
    await engine.restart();
    await change(transport);
  }
  expect(engine.requests.filter((request) => request.startsWith("POST"))).toHaveLength(20);
});

test("questions go over one connection", async () => {
  const ports = new Set<unknown>();
  const { transport } = await open((request, response) => {
    ports.add(request.socket);
    json(response, {});
  });
  for (let at = 0; at < 5; at += 1) await ask(transport);
  expect(ports.size).toBe(1);
});

describe("an engine that fails", () => {
  test.each([500, 502, 503, 504])("twice with %i is asked a third time", async (status) => {
    let count = 0;
    const { engine, transport } = await open((_request, response) => {
      count += 1;
      if (count < 3) json(response, { message: "busy" }, status);
      else json(response, { fine: true });
    });
    expect(await ask(transport)).toEqual({ fine: true });
    expect(engine.requests).toHaveLength(3);
  });

  test("for good is told after three questions, with its own words", async () => {
    const { engine, transport } = await open((_request, response) =>
      json(response, { message: "broken\nfor good" }, 500),
    );
    await expect(ask(transport)).rejects.toMatchObject({
      code: "ENGINE_ERROR",
      message: "the test failed: broken for good",
    });
    expect(engine.requests).toHaveLength(3);
  });

  test("a change is told at once and not repeated", async () => {
    const { engine, transport } = await open((_request, response) => json(response, { message: "busy" }, 503));
    await expect(change(transport)).rejects.toMatchObject({ code: "ENGINE_ERROR" });
    expect(engine.requests).toHaveLength(1);
  });

  test("by breaking the connection under a change is ENGINE_RESTARTED, and the change is not repeated", async () => {
    const { engine, transport } = await open((request) => void request.socket.destroy());
    await expect(change(transport)).rejects.toMatchObject({ code: "ENGINE_RESTARTED", retryable: true });
    expect(engine.requests).toHaveLength(1);
  });

  test("to answer with JSON is ENGINE_PROTOCOL", async () => {
    const { transport } = await open((_request, response) => void response.end("<html>a page</html>"));
    await expect(ask(transport)).rejects.toMatchObject({ code: "ENGINE_PROTOCOL" });
  });

  test("in the middle of its answer is ENGINE_RESTARTED", async () => {
    const { transport } = await open((_request, response) => {
      response.writeHead(200, { "content-length": 100 }).write("{");
      setTimeout(() => response.destroy(), 5);
    });
    await expect(ask(transport)).rejects.toMatchObject({ code: "ENGINE_RESTARTED" });
  });
});

test("an engine that takes a request and says nothing is given up after the silence that is allowed", async () => {
  const { transport } = await open(() => {});
  await expect(
    transport.stream({ method: "POST", path: "/x", signal, operation, silenceMs: 30 }),
  ).rejects.toMatchObject({ code: "ENGINE_TIMEOUT", details: { inactivityMs: 30 } });
});

test("silence in the middle of an answer is not the wire's to judge", async () => {
  const { transport } = await open((_request, response) => {
    response.writeHead(200).write("a");
    setTimeout(() => response.end("b"), 90);
  });
  const stream = await transport.stream({ method: "POST", path: "/x", signal, operation, silenceMs: 30 });
  expect(await text(stream)).toBe("ab");
});

test("an empty answer is null, and a status of 304 is a success", async () => {
  const { transport } = await open((_request, response) => void response.writeHead(304).end());
  expect(await change(transport)).toBeNull();
});

test("an archive that breaks ends the request, and one that the engine refuses is let go", async () => {
  const { transport } = await open((request, response) => {
    if (request.url === "/refuse") json(response, { message: "no" }, 400);
    else request.resume();
  });
  const broken = new Readable({ read() {} });
  setTimeout(() => broken.destroy(new Error("a file changed")), 10);
  await expect(
    transport.stream({ method: "POST", path: "/x", archive: broken, signal, operation }),
  ).rejects.toMatchObject({ cause: { message: "a file changed" } });
  const refused = new Readable({ read() {} });
  refused.push("x");
  await expect(
    transport.stream({ method: "POST", path: "/refuse", archive: refused, signal, operation }),
  ).rejects.toMatchObject({ code: "ENGINE_ERROR" });
  refused.destroy();
});

test("cancelling ends the engine's side too, before and in the middle of an answer", async () => {
  let closed = 0;
  const { transport } = await open((request, response) => {
    response.on("close", () => (closed += 1));
    if (request.url === "/stream") response.writeHead(200).write("x");
  });
  for (const path of ["/hang", "/stream"]) {
    const controller = new AbortController();
    const call = transport.stream({ method: "POST", path, signal: controller.signal, operation });
    setTimeout(() => controller.abort(), 20);
    await expect(call.then((stream) => once(stream, "end"))).rejects.toThrow();
    await sleep(30);
  }
  expect(closed).toBe(2);
});

test.each([200, 403, 404, 500])(
  "a session that is answered with %i is refused, and nothing dies of it",
  async (status) => {
    const { transport } = await open((_request, response) => json(response, {}, status));
    expect(await transport.upgrade({ path: "/session", protocol: "h2c", headers: {}, signal, operation })).toBeNull();
  },
);
