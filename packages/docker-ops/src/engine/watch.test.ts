import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startScriptedEngine, usual } from "../../test/scripted-engine.ts";
import type { ScriptedEngine } from "../../test/scripted-engine.ts";
import { connectEngine } from "./connect.ts";

let scripted: ScriptedEngine;

beforeEach(async () => {
  scripted = await startScriptedEngine(usual("one"));
});

afterEach(() => scripted.close());

test("an engine that is swapped behind its socket is noticed before the next operation", async () => {
  const onEngineChanged = vi.fn<() => void>();
  const engine = await connectEngine({ host: scripted.host, env: {}, onEngineChanged });
  expect([engine.identity.id, engine.profile.product]).toEqual(["one", "docker"]);
  await scripted.restart((request, response) => {
    if (request.url === "/version") {
      response.end(JSON.stringify({ Version: "4.3.1", ApiVersion: "1.41", Components: [{ Name: "Podman Engine" }] }));
    } else if (request.url === "/info") {
      response.end(JSON.stringify({ ID: crypto.randomUUID(), Name: "pod", DockerRootDir: "/var/lib/x" }));
    } else usual("two")(request, response);
  });
  await expect(engine.inspect("x")).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
  expect([engine.identity.id, engine.profile.product]).toEqual(["", "podman"]);
  expect(onEngineChanged).toHaveBeenCalledExactlyOnceWith(
    { id: "one", name: "host", root: "/one" },
    { id: "", name: "pod", root: "/var/lib/x" },
  );
  await engine.close();
});

test("an engine that restarts as itself is not taken for another", async () => {
  const onEngineChanged = vi.fn<() => void>();
  const engine = await connectEngine({ host: scripted.host, env: {}, onEngineChanged });
  await scripted.restart();
  await expect(engine.inspect("x")).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
  expect(onEngineChanged).not.toHaveBeenCalled();
  await engine.close();
});

test("the engine's identity is not asked again for every operation", async () => {
  const engine = await connectEngine({ host: scripted.host, env: {} });
  for (let at = 0; at < 3; at += 1) await engine.inspect("x").catch(() => undefined);
  expect(scripted.requests.filter((request) => request === "GET /info")).toHaveLength(1);
  await engine.close();
});

test("a proxy that does not let the question for the identity through leaves it empty", async () => {
  await scripted.restart((request, response) => {
    if (request.url === "/info") response.writeHead(403).end();
    else usual("one")(request, response);
  });
  const engine = await connectEngine({ host: scripted.host, env: {} });
  expect(engine.identity).toEqual({ id: "", name: "", root: "" });
  await engine.close();
});
