import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { Secret } from "@container-kit/observability";
import type { Credential } from "../credentials/types.ts";
import { withDeadline } from "../wire/deadline.ts";
import { openRegistry } from "./client.ts";
import { findManifest } from "./manifest.ts";

const servers: Server[] = [];
const credential: Credential = { source: "file", serverAddress: "r", username: "u", password: new Secret("p:w") };
const none: Credential = { source: "none", serverAddress: "r" };
const digest = `sha256:${"a".repeat(64)}`;

/** A registry that answers as told: the real one cannot be made to use tokens, to rate-limit or to lie. */
async function registry(
  answer: (request: IncomingMessage, response: ServerResponse, host: string) => void,
): Promise<{ host: string; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  let host = "";
  const server = createServer((request, response) => {
    seen.push(request);
    if (request.url === "/v2/") response.writeHead(401).end();
    else answer(request, response, host);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, seen };
}

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const ask = (host: string, as = credential, reference = digest, signal = AbortSignal.timeout(5000)) =>
  findManifest(openRegistry({ registry: host, credential: as, insecure: true }), {
    repository: "team/app",
    reference,
    signal,
  });

describe("a token", () => {
  test("that no header can carry is refused as the token service's", async () => {
    const { host } = await registry((request, response, own) => {
      if (request.url?.startsWith("/token") === true) response.end(JSON.stringify({ token: "x\r\nEvil: 1" }));
      else response.writeHead(401, { "www-authenticate": `Bearer realm="http://${own}/token"` }).end();
    });
    await expect(ask(host)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE", details: { registry: host } });
  });

  test("of the docker configuration that no header can carry is refused as the credential's", async () => {
    const { host } = await registry((_request, response) =>
      response.writeHead(401, { "www-authenticate": 'Bearer realm="r"' }).end(),
    );
    const registryToken = new Secret("x\r\nEvil: 1");
    await expect(ask(host, { source: "file", serverAddress: "r", registryToken })).rejects.toMatchObject({
      code: "AUTH_FAILED",
    });
  });
});

describe("a registry that never answers", () => {
  const silent = async () => {
    let asked = 0;
    const { host } = await registry(() => (asked += 1));
    return { host, asked: () => asked };
  };

  test("is named once the time is up, and not the engine", async () => {
    const { host, asked } = await silent();
    const late = withDeadline("login", { deadlineMs: 200 }, (signal) => ask(host, none, digest, signal));
    await expect(late).rejects.toMatchObject({
      code: "REGISTRY_UNAVAILABLE",
      message: `the login did not finish within 200 ms: the registry ${host} did not answer in time`,
      details: { registry: host, deadlineMs: 200 },
    });
    expect(asked()).toBe(1);
  });

  test("is named to whoever waits for the first answer too", async () => {
    const { host } = await silent();
    const client = openRegistry({ registry: host, credential: none, insecure: true });
    const late = withDeadline("push", { deadlineMs: 200 }, (signal) => {
      const query = { repository: "team/app", reference: digest, signal };
      return Promise.all([findManifest(client, query).catch(() => null), findManifest(client, query)]);
    });
    await expect(late).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE", message: expect.stringContaining(host) });
  });

  test("is not blamed for a time that was up before it was asked", async () => {
    const { host, asked } = await silent();
    await expect(ask(host, none, digest, AbortSignal.abort())).rejects.not.toHaveProperty(
      "code",
      "REGISTRY_UNAVAILABLE",
    );
    expect(asked()).toBe(0);
  });

  test("has a host that may be called like a property of every object", async () => {
    const client = openRegistry({ registry: "constructor", credential: none, insecure: false });
    expect(client.registry).toBe("constructor");
  });
});

describe("findManifest", () => {
  test("nothing is sent until the registry asks, and then in the scheme that it asks for", async () => {
    const { host, seen } = await registry((request, response) => {
      if (request.headers.authorization === undefined)
        response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
      else response.writeHead(200, { "docker-content-digest": digest }).end();
    });
    expect(await ask(host)).toMatchObject({ digest });
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      `Basic ${Buffer.from("u:p:w").toString("base64")}`,
    ]);
  });

  test("a bearer registry's own token service gets the credential, and its token is used", async () => {
    const { host, seen } = await registry((request, response, own) => {
      if (request.url?.startsWith("/token") === true) response.end(JSON.stringify({ token: "t1" }));
      else if (request.headers.authorization === "Bearer t1")
        response.writeHead(200, { "docker-content-digest": digest }).end();
      else
        response
          .writeHead(401, {
            "www-authenticate": `Bearer realm="http://${own}/token",service="svc",scope="repository:team/app:pull"`,
          })
          .end();
    });
    expect(await ask(host)).toMatchObject({ digest });
    const token = seen.find(({ url }) => url?.startsWith("/token"));
    expect(token?.url).toContain("service=svc");
    expect(token?.url).toContain("scope=repository%3Ateam%2Fapp%3Apull");
    expect(token?.headers.authorization).toMatch(/^Basic /);
  });

  test("a token service on another host over plain HTTP is not asked at all", async () => {
    const other = await registry((_request, response) => response.end(JSON.stringify({ token: "t" })));
    const { host } = await registry((_request, response) =>
      response.writeHead(401, { "www-authenticate": `Bearer realm="http://${other.host}/token"` }).end(),
    );
    await expect(ask(host)).rejects.toMatchObject({ code: "AUTH_FAILED" });
    expect(other.seen).toEqual([]);
  });

  test.each([
    [401, "AUTH_FAILED", false],
    [403, "REGISTRY_DENIED", false],
    [429, "REGISTRY_RATE_LIMITED", true],
    [500, "REGISTRY_UNAVAILABLE", true],
    [503, "REGISTRY_UNAVAILABLE", true],
    [302, "REGISTRY_UNAVAILABLE", true],
  ])("status %d is %s", async (status, code, retryable) => {
    const { host } = await registry((_request, response) =>
      response.writeHead(status, { "retry-after": "7", location: "http://127.0.0.1:1/" }).end(),
    );
    await expect(ask(host)).rejects.toMatchObject({ code, retryable });
  });

  test("404 means that there is none, and a digest that is not told is that of the manifest itself", async () => {
    const missing = await registry((_request, response) => response.writeHead(404).end());
    expect(await ask(missing.host)).toBeNull();
    const quiet = await registry((_request, response) => response.writeHead(200).end("{}"));
    const hashed = `sha256:${createHash("sha256").update("{}").digest("hex")}`;
    expect(await ask(quiet.host, none, "1.0")).toMatchObject({ digest: hashed });
    expect(quiet.seen.map(({ method }) => method)).toEqual(["HEAD", "GET"]);
  });

  test("a registry that hangs ends with the call", async () => {
    const { host } = await registry(() => {});
    const signal = AbortSignal.timeout(200);
    await expect(ask(host, credential, digest, signal)).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
  });

  test("a secure registry that speaks plain HTTP is REGISTRY_TLS, and gets no credential", async () => {
    const { host, seen } = await registry((_request, response) => response.end());
    const secure = openRegistry({ registry: host, credential, insecure: false });
    const query = { repository: "a", reference: digest, signal: AbortSignal.timeout(5000) };
    await expect(findManifest(secure, query)).rejects.toMatchObject({ code: "REGISTRY_TLS" });
    expect(seen).toEqual([]);
  });
});
