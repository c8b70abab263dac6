import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firstThatAnswers, namedCandidates, usualCandidates } from "./discover.ts";

const folder = mkdtempSync(join(tmpdir(), "discover-test-"));
const alive = `unix://${join(folder, "alive.sock")}`;
let components = "Engine";
const engine = createServer((request, response) => {
  response.end(
    request.url === "/_ping" ? "OK" : JSON.stringify({ Version: "1.2.3", Components: [{ Name: components }] }),
  );
});

beforeAll(() => new Promise<void>((resolve) => engine.listen(join(folder, "alive.sock"), resolve)));
afterAll(() => {
  engine.close();
  rmSync(folder, { recursive: true });
});

test("DOCKER_HOST comes before a docker context", () => {
  const named = namedCandidates({ DOCKER_HOST: alive, DOCKER_CONTEXT: "other", DOCKER_CONFIG: folder });
  expect(named).toEqual([{ host: alive, reason: "DOCKER_HOST names it" }]);
});

test("the current docker context is read from its files", () => {
  const id = createHash("sha256").update("work").digest("hex");
  mkdirSync(join(folder, "contexts", "meta", id), { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify({ currentContext: "work" }));
  writeFileSync(
    join(folder, "contexts", "meta", id, "meta.json"),
    JSON.stringify({ Name: "work", Endpoints: { docker: { Host: alive } } }),
  );
  expect(namedCandidates({ DOCKER_CONFIG: folder })).toEqual([
    { host: alive, reason: "the docker context work names it" },
  ]);
  expect(namedCandidates({ DOCKER_CONFIG: folder, DOCKER_CONTEXT: "default" })).toEqual([]);
  expect(namedCandidates({ DOCKER_CONFIG: folder, DOCKER_CONTEXT: "gone" })[0]?.host).toBe("context:gone");
});

test("the usual places include the sockets of rootless engines and of Podman", () => {
  const hosts = usualCandidates({ XDG_RUNTIME_DIR: "/run/user/1", HOME: "/h" }).map((candidate) => candidate.host);
  expect(hosts).toEqual([
    "unix:///var/run/docker.sock",
    "unix:///run/user/1/docker.sock",
    "unix:///h/.docker/run/docker.sock",
    "unix:///run/user/1/podman/podman.sock",
    "unix:///run/podman/podman.sock",
  ]);
});

test("the first that answers is taken, and each that did not is told with its reason", async () => {
  writeFileSync(join(folder, "file.sock"), "");
  const { found, tried } = await firstThatAnswers([
    { host: `unix://${folder}/missing.sock`, reason: "" },
    { host: `unix://${folder}/file.sock`, reason: "" },
    { host: "ssh://somewhere", reason: "" },
    { host: "tcp://192.0.2.9:2375", reason: "" },
    { host: alive, reason: "because" },
  ]);
  expect(found).toEqual({ host: alive, reason: "because", kind: "docker", version: "1.2.3" });
  expect(tried).toEqual([
    `unix://${folder}/missing.sock: no such socket`,
    `unix://${folder}/file.sock: nobody listens`,
    "ssh://somewhere: not an engine on this machine without TLS",
    "tcp://192.0.2.9:2375: not an engine on this machine without TLS",
  ]);
});

test("Podman is recognised by what it says of itself", async () => {
  components = "Podman Engine";
  expect((await firstThatAnswers([{ host: alive, reason: "" }])).found?.kind).toBe("podman");
});
