import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { createApp } from "../src/app.js";

let server;
let address;

before(async () => {
  server = createApp().listen(0, "127.0.0.1");
  await once(server, "listening");
  address = `http://127.0.0.1:${server.address().port}`;
});
after(() => server.close());

const post = (body) =>
  fetch(`${address}/notes`, { method: "POST", headers: { "content-type": "application/json" }, body });

test("health says ok", async () => {
  const response = await fetch(`${address}/health`);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { status: "ok" });
});

test("a note is kept, listed, read and removed", async () => {
  const created = await post(JSON.stringify({ text: "buy milk" }));
  assert.equal(created.status, 201);
  const note = await created.json();
  assert.deepEqual(await (await fetch(`${address}/notes/${note.id}`)).json(), note);
  assert.deepEqual(await (await fetch(`${address}/notes`)).json(), [note]);
  assert.equal((await fetch(`${address}/notes/${note.id}`, { method: "DELETE" })).status, 204);
  assert.equal((await fetch(`${address}/notes/${note.id}`)).status, 404);
});

test("a note without text, broken JSON and an unknown route are refused as JSON", async () => {
  assert.equal((await post("{}")).status, 400);
  assert.equal((await post("{")).status, 400);
  const missing = await fetch(`${address}/nothing`);
  assert.equal(missing.status, 404);
  assert.deepEqual(await missing.json(), { error: "no such route" });
});

test("SIGTERM ends the server with status 0", async () => {
  const child = spawn(process.execPath, ["src/server.js"], {
    cwd: new URL("..", import.meta.url),
    env: { ...process.env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  const [status] = await once(child, "exit");
  assert.equal(status, 0);
});
