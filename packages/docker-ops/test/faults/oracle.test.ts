/** The oracle finds what is planted for it: without this, a blind oracle would pass every case. */
import { spawn } from "node:child_process";
import http from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fail } from "../../src/errors.ts";
import { json, startScriptedEngine } from "../scripted-engine.ts";
import type { ScriptedEngine } from "../scripted-engine.ts";
import { expectFailure, expectTruth } from "./oracle.ts";

let engine: ScriptedEngine;
const kept = new http.Agent({ keepAlive: true });

beforeAll(async () => {
  engine = await startScriptedEngine((request, response) => {
    if (request.url !== "/hang") json(response, {});
  });
});

afterAll(async () => {
  kept.destroy();
  await engine.close();
});

const ask = (path: string) =>
  http.get({ socketPath: engine.host.slice("unix://".length), path, agent: kept }).on("error", () => {});

const truth = (begin: () => unknown) =>
  expectTruth(() => Promise.resolve(begin()), { deadlineMs: 1000, readBack: () => {} });

test("a request, a program and a timer that go on after the call are found, each by its name", async () => {
  const begun: { request?: http.ClientRequest; program?: ReturnType<typeof spawn>; timer?: NodeJS.Timeout } = {};
  await Promise.all([
    expect(truth(() => (begun.request = ask("/hang")))).rejects.toThrow("request GET /hang"),
    expect(truth(() => (begun.program = spawn("sleep", ["60"])))).rejects.toThrow(/program \d/),
    expect(truth(() => (begun.timer = setTimeout(() => {}, 60_000)))).rejects.toThrow("timer"),
  ]);
  begun.request?.destroy();
  begun.program?.kill("SIGKILL");
  clearTimeout(begun.timer);
});

test("a connection that is kept for the next question is nothing that goes on", async () => {
  await truth(() => new Promise((resolve) => ask("/x").on("response", (answer) => answer.resume().on("end", resolve))));
});

test("a call that outlives its deadline by more than a second is found", async () => {
  const late = () => new Promise((_resolve, reject) => setTimeout(() => reject(fail("ENGINE_TIMEOUT", "late")), 1100));
  await expect(expectFailure(late, { codes: ["ENGINE_TIMEOUT"], deadlineMs: 50 })).rejects.toThrow("milliseconds");
});

async function failing(thrown: Error): Promise<never> {
  await Promise.resolve();
  throw thrown;
}

describe("an error", () => {
  const judge = (thrown: Error, secrets: readonly string[] = []) =>
    expectFailure(() => failing(thrown), { codes: ["ENGINE_ERROR"], deadlineMs: 1000, secrets });

  test("that is none of ours, has another code, no remedy or two lines is found", async () => {
    await judge(fail("ENGINE_ERROR", "it failed"));
    for (const wrong of [
      new TypeError("it failed"),
      fail("ENGINE_TIMEOUT", "it failed"),
      fail("ENGINE_ERROR", "it failed", { remedy: "" }),
      fail("ENGINE_ERROR", "it failed", { remedy: "Do this. Then do that." }),
      fail("ENGINE_ERROR", "it\nfailed"),
    ])
      await expect(judge(wrong)).rejects.toThrow();
  });

  const secret = "hunter2-pässwörd/+";
  test.each([
    ["as it is", secret],
    ["in a URL", encodeURIComponent(secret)],
    ["inside base64", Buffer.from(`us:${secret}!`).toString("base64")],
    ["inside base64url", Buffer.from(`u:${secret}`).toString("base64url")],
    ["in hex", Buffer.from(secret).toString("hex")],
    ["in JSON", JSON.stringify({ password: secret })],
  ])("that holds a secret %s is found, wherever it holds it", async (_how, text) => {
    for (const context of [
      { logTail: text },
      { details: { deep: { deeper: [text] } } },
      { cause: new Error("x", { cause: { headers: { authorization: text } } }) },
    ])
      await expect(judge(fail("ENGINE_ERROR", "it failed", context), [secret])).rejects.toThrow("a secret");
    await expect(judge(fail("ENGINE_ERROR", text), [secret])).rejects.toThrow("a secret");
  });
});
