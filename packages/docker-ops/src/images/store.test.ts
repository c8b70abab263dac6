/** What no real engine can be made to say: that it did what it did not, and times that are none. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { json, startScriptedEngine, usual } from "../../test/scripted-engine.ts";
import type { Script, ScriptedEngine } from "../../test/scripted-engine.ts";
import { connectEngine } from "../engine/connect.ts";

const [one, two, three] = ["1", "2", "3"].map((digit) => `sha256:${digit.repeat(64)}`);
let scripted: ScriptedEngine;

beforeEach(async () => {
  scripted = await startScriptedEngine(usual("one"));
});

afterEach(() => scripted.close());

async function connectTo(script: Script) {
  await scripted.restart((request, response) => {
    if (/^\/(?:version|info)/.test(request.url ?? "")) usual("one")(request, response);
    else script(request, response);
  });
  return connectEngine({ host: scripted.host, env: {} });
}

function image(id: string | undefined) {
  return { Id: id, Size: 1, Os: "linux", Architecture: "amd64", RootFS: {} };
}

test.each([
  ["a name", "x:1", [{ Untagged: "x:1" }]],
  ["an id", one ?? "", [{ Untagged: "y:1" }, { Deleted: one }]],
])("a removal of %s that takes nothing away is no success", async (_what, name, answer) => {
  const engine = await connectTo(({ method }, response) => json(response, method === "DELETE" ? answer : image(one)));
  await expect(engine.remove(name)).rejects.toMatchObject({ code: "ENGINE_PROTOCOL", stage: "read-back" });
  await engine.close();
});

/** An engine that shows these images under the target, one after the other, and takes every tag. */
function connectToShowing(...shown: readonly (string | undefined)[]) {
  const left = [...shown];
  return connectTo(({ method, url = "" }, response) => {
    if (method === "POST") response.writeHead(201).end();
    else if (url.includes("/source:1/")) json(response, image(one));
    else {
      const id = left.shift();
      if (id === undefined) json(response, { message: "no such image" }, 404);
      else json(response, image(id));
    }
  });
}

test("a tag that somebody else moves before it is read back is a CONFLICT that tells what is there", async () => {
  const engine = await connectToShowing(undefined, two);
  await expect(engine.tag("source:1", "target:1")).rejects.toMatchObject({
    code: "CONFLICT",
    details: { existing: two, source: one },
  });
  await engine.close();
});

test.each([
  ["nothing", [undefined, undefined]],
  ["what was there before", [three, three]],
])("an engine that says it gave a tag and shows %s is not believed", async (_what, shown) => {
  const engine = await connectToShowing(...shown);
  await expect(engine.tag("source:1", "target:1", { force: true })).rejects.toMatchObject({ code: "ENGINE_PROTOCOL" });
  await engine.close();
});

test("a time that is none is the engine's mistake", async () => {
  const engine = await connectTo((_request, response) =>
    json(response, [{ Id: one, Size: 1, Created: 1e20, CreatedBy: "", Comment: "" }]),
  );
  await expect(engine.list()).rejects.toMatchObject({ code: "ENGINE_PROTOCOL" });
  await expect(engine.history("x:1")).rejects.toMatchObject({ code: "ENGINE_PROTOCOL" });
  await engine.close();
});
