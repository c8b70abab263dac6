/**
 * The fault matrix of engines, where no real engine can be made to say it: an engine that answers as told. Each case
 * ends in the oracle. The table of all cases is at the head of engine.engine.test.ts.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { Readable } from "node:stream";
import { connectEngine } from "../../src/index.ts";
import type { Engine } from "../../src/index.ts";
import { json, startScriptedEngine, usual } from "../scripted-engine.ts";
import type { Script, ScriptedEngine } from "../scripted-engine.ts";
import { expectFailure, expectTruth } from "./oracle.ts";

const MEBIBYTE = 1024 * 1024;
const DEADLINE_MS = 20_000;
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(script: Script): Promise<ScriptedEngine> {
  const scripted = await startScriptedEngine(script);
  closers.push(() => scripted.close());
  return scripted;
}

/** An engine that answers as usual, but for what `answers` says. */
async function connected(
  answers: Readonly<Record<string, Script>>,
): Promise<{ readonly engine: Engine; readonly scripted: ScriptedEngine }> {
  const scripted = await serve((request, response) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const answer = answers[`${request.method} ${path}`] ?? usual("one");
    answer(request, response);
  });
  const engine = await connectEngine({ host: scripted.host, env: { HOME: "/nowhere" } });
  closers.push(() => engine.close());
  return { engine, scripted };
}

const version = (fields: Readonly<Record<string, string>>): Record<string, Script> => ({
  "GET /version": (_request, response) => json(response, { Version: "x", Os: "linux", ...fields }),
});

describe("E12 an engine that sends without end", () => {
  /** Writes until the client hangs up, fifty megabytes at most, and counts. */
  const flood = (status: number) => {
    const taken = { bytes: 0 };
    const script: Script = (request: IncomingMessage, response: ServerResponse) => {
      request.resume();
      response.writeHead(status);
      const write = () => {
        while (taken.bytes < 50 * MEBIBYTE && !response.destroyed) {
          taken.bytes += MEBIBYTE;
          if (!response.write("x".repeat(MEBIBYTE))) {
            response.once("drain", write);
            return;
          }
        }
      };
      write();
    };
    return { taken, script };
  };
  const calls: Readonly<Record<string, readonly [string, (engine: Engine) => Promise<unknown>]>> = {
    pull: ["POST /images/create", (engine) => engine.pull("127.0.0.1:1/x:1", { force: true })],
    load: ["POST /images/load", (engine) => engine.load(Readable.from(["x"]))],
    list: ["GET /images/json", (engine) => engine.list()],
  };

  test.each([
    ["pull", 200, "ENGINE_PROTOCOL"],
    ["load", 200, "ENGINE_PROTOCOL"],
    ["pull", 500, "ENGINE_ERROR"],
    ["load", 500, "ENGINE_ERROR"],
    ["list", 500, "ENGINE_ERROR"],
  ])("is hung up on by %s long before it is through (%i)", async (name, status, code) => {
    const [request = "", call = () => Promise.resolve()] = calls[name] ?? [];
    const { taken, script } = flood(status);
    const { engine } = await connected({ [request]: script });
    await expectFailure(() => call(engine), { codes: [code], deadlineMs: DEADLINE_MS });
    expect(taken.bytes).toBeGreaterThan(0);
    expect(taken.bytes).toBeLessThan(32 * MEBIBYTE);
  });
});

describe("E20 an engine", () => {
  test.each([
    ["older", "1.24", false],
    ["newer", "9.99", true],
  ])("%s than any we know is spoken to in its own version of the API", async (_what, ApiVersion, buildkit) => {
    const { engine, scripted } = await connected({
      ...version({ ApiVersion }),
      "GET /images/json": (_request, response) => json(response, []),
    });
    await expectTruth(() => engine.list(), { deadlineMs: DEADLINE_MS, readBack: (list) => expect(list).toEqual([]) });
    expect(engine.profile).toMatchObject({ apiVersion: ApiVersion, buildkit });
    expect(scripted.requests.filter((request) => /\/v\d/.test(request))).toEqual([]);
  });

  test("that takes us for too old is told in its own words", async () => {
    const message = "client version 1.24 is too old. Minimum supported API version is 1.44";
    const scripted = await serve((_request, response) => json(response, { message }, 400));
    const error = await expectFailure(() => connectEngine({ host: scripted.host }), {
      codes: ["ENGINE_PROTOCOL"],
      deadlineMs: DEADLINE_MS,
    });
    expect(error.message).toContain(message);
  });
});

test("E24 a list of a thousand images is whole", async () => {
  const images = Array.from({ length: 1000 }, (_, at) => ({
    Id: `sha256:${at.toString(16).padStart(64, "0")}`,
    RepoTags: [`app:${at}`],
    RepoDigests: null,
    Size: at,
    Created: at,
  }));
  const { engine } = await connected({ "GET /images/json": (_request, response) => json(response, images) });
  await expectTruth(() => engine.list({ deadlineMs: 1000 }), {
    deadlineMs: 1000,
    readBack: (list) => expect(list.map(({ imageId }) => imageId)).toEqual(images.map(({ Id }) => Id)),
  });
});

test("E11 an error that comes behind the beginning of an archive is a failure in the engine's words", async () => {
  const entry = Buffer.alloc(512);
  entry.write("repositories");
  entry.write("0000000", 124);
  const told = JSON.stringify({
    errorDetail: { message: "no space left on device" },
    error: "no space left on device",
  });
  const { engine } = await connected({
    "GET /images/get": (_request, response) => void response.end(Buffer.concat([entry, Buffer.from(told)])),
  });
  const call = async () => (await engine.save(["x"])).toArray();
  await expectFailure(call, { codes: ["ENGINE_DISK_FULL"], deadlineMs: DEADLINE_MS });
});

describe("an engine that says done and has done nothing", () => {
  const image = `sha256:${"a".repeat(64)}`;
  const details = { Id: image, Size: 1, Os: "linux", Architecture: "amd64", RootFS: { Layers: [] } };
  const inspection: Record<string, Script> = {
    "GET /images/app:1/json": (_request, response) => json(response, details),
  };

  test.each<readonly [string, Record<string, Script>, (engine: Engine) => Promise<unknown>]>([
    [
      "tag",
      { ...inspection, [`POST /images/${image}/tag`]: (_request, response) => void response.writeHead(201).end() },
      (engine) => engine.tag("app:1", "app:2"),
    ],
    [
      "load",
      {
        "POST /images/load": (request, response) =>
          request.resume().on("end", () => json(response, { stream: "Loaded image: x:1" })),
      },
      (engine) => engine.load(Readable.from(["x"])),
    ],
    [
      "remove",
      { "DELETE /images/app:1": (_request, response) => json(response, []) },
      (engine) => engine.remove("app:1"),
    ],
    [
      "pull",
      {
        "POST /images/create": (_request, response) =>
          json(response, { status: "Status: Downloaded newer image for x" }),
      },
      (engine) => engine.pull("127.0.0.1:1/x:1", { force: true }),
    ],
  ])("is found out by %s", async (_what, answers, call) => {
    const { engine } = await connected(answers);
    await expectFailure(() => call(engine), { codes: ["ENGINE_PROTOCOL"], deadlineMs: DEADLINE_MS });
  });
});
