import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { startFaultRegistry } from "./fault-registry.ts";
import type { FaultRegistry, FaultRegistryOptions } from "./fault-registry.ts";
import type { RegistryFault, RegistryFaultRule } from "./fault-registry-faults.ts";
import { basicAuthorization } from "./registry-process.ts";
import { findProgram } from "./rig/programs.ts";

const BASIC = basicAuthorization("test", "test");
let registry: FaultRegistry;
afterEach(() => registry.close());

interface Ask {
  readonly method?: string;
  readonly url?: string;
  /** The test's user by default; null for none. */
  readonly authorization?: string | null;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ca?: string;
  readonly deadlineMs?: number;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** False where the body broke off before its announced length. */
  readonly complete: boolean;
}

/** A plain client: it follows nothing and hides nothing. */
function ask(path: string, asked: Ask = {}): Promise<Answer> {
  const {
    authorization = BASIC,
    method = "GET",
    url = registry.url,
    body,
    headers = {},
    ca,
    deadlineMs = 5_000,
  } = asked;
  const request = url.startsWith("https") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, {
      method,
      headers: { ...headers, ...(authorization === null ? {} : { authorization }) },
      agent: false,
      signal: AbortSignal.timeout(deadlineMs),
      ...(ca === undefined ? {} : { ca }),
    });
    sent.on("error", reject);
    sent.once("response", (answered) => {
      // From here on `complete` tells how it ends.
      sent.off("error", reject).on("error", () => undefined);
      const chunks: Buffer[] = [];
      answered.on("data", (chunk: Buffer) => chunks.push(chunk));
      answered.on("error", () => undefined);
      answered.once("close", () => {
        const { statusCode: status = 0, complete } = answered;
        resolve({ status, headers: answered.headers, body: Buffer.concat(chunks), complete });
      });
    });
    sent.end(body);
  });
}

const digestOf = (content: Buffer) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** Puts a blob into a repository, as an engine does it: start, send, finish. Returns its path. */
async function pushBlob(content: Buffer, authorization = BASIC, ca = ""): Promise<string> {
  const common = { authorization, ...(ca === "" ? {} : { ca }) };
  const started = await ask("/v2/app/blobs/uploads/", { method: "POST", ...common });
  expect(started.status).toBe(202);
  const place = new URL(started.headers.location ?? "", registry.url);
  expect(place.origin).toBe(registry.url);
  const headers = { "content-type": "application/octet-stream" };
  const rest = `${place.pathname}${place.search}&digest=${digestOf(content)}`;
  const finished = await ask(rest, { method: "PUT", body: content, headers, ...common });
  expect(finished.status).toBe(201);
  return `/v2/app/blobs/${digestOf(content)}`;
}

const content = Buffer.from("0123456789".repeat(100));
const start = async (options: FaultRegistryOptions = {}) => (registry = await startFaultRegistry(options));

describe.skipIf((await findProgram("docker-registry")) === undefined)("a fault registry", () => {
  const withFault = async (fault: RegistryFault, more: Partial<RegistryFaultRule> = {}) => {
    const rule: RegistryFaultRule = { match: /^GET \/v2\/app\/blobs\//, fault, ...more };
    await start({ rules: [rule] });
    return rule;
  };

  test("it stores and serves as the real one does, and notes each request with its headers", async () => {
    const rule = await withFault({ kind: "reset" }, { match: /nothing/ });
    const blob = await pushBlob(content);
    expect(await ask(blob)).toMatchObject({ status: 200, body: content, complete: true });
    expect((await ask(blob, { authorization: null })).headers["www-authenticate"]).toMatch(/^Basic realm=/);
    expect((await ask(blob, { authorization: basicAuthorization("test", "wrong") })).status).toBe(401);
    expect(registry.fired(rule)).toBe(0);
    expect(registry.requests().map(({ method, headers }) => [method, headers.authorization])).toEqual([
      ["POST", BASIC],
      ["PUT", BASIC],
      ["GET", BASIC],
      ["GET", undefined],
      ["GET", basicAuthorization("test", "wrong")],
    ]);
  });

  test("answer speaks in the registry's place, headers included, and counts", async () => {
    const fault = { kind: "answer", status: 429, headers: { "retry-after": "7" }, body: "later" } as const;
    const rule = await withFault(fault, { skip: 1, times: 1 });
    const blob = await pushBlob(content);
    expect((await ask(blob)).status).toBe(200);
    const refused = await ask(blob);
    expect(refused).toMatchObject({ status: 429, headers: { "retry-after": "7" }, body: Buffer.from("later") });
    expect((await ask(blob)).status).toBe(200);
    expect(registry.fired(rule)).toBe(1);
  });

  test("hang never answers and reset closes the connection", async () => {
    const rule = await withFault({ kind: "hang" });
    await expect(ask("/v2/app/blobs/x", { deadlineMs: 150 })).rejects.toThrow(/aborted|timeout/i);
    const reset = { match: /^POST/, fault: { kind: "reset", afterBytes: 10 } } as const;
    registry.setRules([reset]);
    const sending = ask("/v2/app/blobs/uploads/", { method: "POST", body: content });
    await expect(sending).rejects.toThrow(/hang up|ECONNRESET/);
    expect([registry.fired(rule), registry.fired(reset)]).toEqual([1, 1]);
  });

  test("cut breaks off before the announced length", async () => {
    await withFault({ kind: "cut", afterBytes: 5 });
    const answer = await ask(await pushBlob(content));
    expect(answer).toMatchObject({ status: 200, body: content.subarray(0, 5), complete: false });
    expect(answer.headers["content-length"]).toBe(String(content.length));
  });

  test("stall sends so many bytes and then nothing", async () => {
    await withFault({ kind: "stall", afterBytes: 5 });
    const answer = await ask(await pushBlob(content), { deadlineMs: 200 });
    expect(answer).toMatchObject({ body: content.subarray(0, 5), complete: false });
  });

  test("slow delays the answer and drips its body", async () => {
    await withFault({ kind: "slow", delayMs: 100, bytesPerSecond: 2_000 });
    const blob = await pushBlob(content);
    const before = performance.now();
    expect(await ask(blob)).toMatchObject({ body: content, complete: true });
    expect(performance.now() - before).toBeGreaterThan(450);
  });

  test("replace flips a byte or tells another digest, and keeps the rest", async () => {
    const flip = (body: Buffer) => Buffer.concat([Buffer.from([(body[0] ?? 0) ^ 1]), body.subarray(1)]);
    await withFault({ kind: "replace", body: flip, headers: { "Docker-Content-Digest": "sha256:0", etag: undefined } });
    const answer = await ask(await pushBlob(content));
    expect(answer).toMatchObject({ status: 200, complete: true, headers: { "docker-content-digest": "sha256:0" } });
    expect(answer.headers.etag).toBeUndefined();
    expect(answer.body.subarray(1).equals(content.subarray(1))).toBe(true);
    expect(answer.body[0]).not.toBe(content[0]);
  });

  test("a rule for signed-in requests lets the ones that are refused pass by", async () => {
    const rule = await withFault({ kind: "answer", status: 503 }, { signedIn: true });
    expect((await ask("/v2/app/blobs/x", { authorization: null })).status).toBe(401);
    expect(registry.fired(rule)).toBe(0);
    expect((await ask("/v2/app/blobs/x")).status).toBe(503);
  });

  describe("with a token service", () => {
    const scope = "repository:app:pull,push";
    const tokenOf = async (realm: string, authorization: string | null = BASIC) => {
      const query = new URLSearchParams({ scope, offline_token: "true" });
      const answer = await ask(`?${query.toString()}`, { url: realm, authorization });
      const { token, refresh_token } = JSON.parse(answer.body.toString()) as { token?: string; refresh_token?: string };
      return { status: answer.status, bearer: `Bearer ${token ?? ""}`, identity: refresh_token ?? "" };
    };
    const realmOf = ({ headers }: Answer) => /realm="([^"]+)"/.exec(headers["www-authenticate"] ?? "")?.[1] ?? "";

    test("a token lets in for what it was asked for, and for nothing else", async () => {
      await start({ auth: "bearer" });
      const refused = await ask("/v2/app/blobs/uploads/", { method: "POST", authorization: BASIC });
      const realm = `${registry.url}/token`;
      const challenge = `Bearer realm="${realm}",service="container-kit",scope="${scope}"`;
      expect(refused).toMatchObject({ status: 401, headers: { "www-authenticate": challenge } });
      expect((await tokenOf(realm, basicAuthorization("test", "wrong"))).status).toBe(401);
      expect((await tokenOf(realm, null)).status).toBe(401);
      const { bearer } = await tokenOf(realm);
      const blob = await pushBlob(content, bearer);
      expect((await ask(blob, { authorization: bearer })).status).toBe(200);
      const other = await ask("/v2/other/tags/list", { authorization: bearer });
      expect(other.headers["www-authenticate"]).toContain('scope="repository:other:pull",error="insufficient_scope"');
      expect(registry.tokenRequests().map(({ grant, status }) => [grant, status])).toEqual([
        ["basic", 401],
        ["anonymous", 401],
        ["basic", 200],
      ]);
    });

    test("an identity token is good for tokens, without the password", async () => {
      await start({ auth: "bearer" });
      const { identity } = await tokenOf(`${registry.url}/token`);
      for (const [refresh_token, status] of [
        [identity, 200],
        [registry.identityToken("test"), 200],
        ["made up", 401],
      ] as const) {
        const body = new URLSearchParams({ grant_type: "refresh_token", refresh_token, scope, service: "any" });
        const answer = await ask("/token", { method: "POST", authorization: null, body: body.toString() });
        expect(answer.status).toBe(status);
      }
      expect(registry.tokenRequests().at(-1)).toMatchObject({ grant: "refresh_token", username: undefined });
    });

    test("a token ends with its lifetime, and when it is ended", async () => {
      await start({ auth: "bearer", tokenLifetimeMs: 60_000 });
      const { bearer } = await tokenOf(`${registry.url}/token`);
      expect((await ask("/v2/", { authorization: bearer })).status).toBe(200);
      registry.expireTokens();
      const refused = await ask("/v2/", { authorization: bearer });
      expect(refused).toMatchObject({
        status: 401,
        headers: { "www-authenticate": expect.stringContaining("invalid_token") },
      });
      await registry.close();
      await start({ auth: "bearer", tokenLifetimeMs: 0 });
      const short = await tokenOf(`${registry.url}/token`);
      expect((await ask("/v2/", { authorization: short.bearer })).status).toBe(401);
    });

    test("nobody may pull and not push where that is allowed", async () => {
      await start({ auth: "bearer", anonymousPull: true });
      const { bearer } = await tokenOf(`${registry.url}/token`, null);
      expect((await ask("/v2/app/tags/list", { authorization: bearer })).status).toBe(404);
      expect((await ask("/v2/app/blobs/uploads/", { method: "POST", authorization: bearer })).status).toBe(401);
    });

    test("the token service can live on another host, and a realm can name any", async () => {
      await start({ auth: "bearer", tokenHost: "other" });
      const realm = realmOf(await ask("/v2/"));
      expect(new URL(realm).hostname).toBe("127.0.0.2");
      const { bearer } = await tokenOf(realm);
      expect((await ask("/v2/", { authorization: bearer })).status).toBe(200);
      expect(registry.requests().map(({ headers }) => headers.host)).toContain(new URL(realm).host);
      await registry.close();
      await start({ auth: "bearer", realm: "http://169.254.169.254/latest" });
      expect(realmOf(await ask("/v2/"))).toBe("http://169.254.169.254/latest");
    });
  });

  test.each([
    ["self-signed", "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["expired", "CERT_HAS_EXPIRED"],
    ["wrong-host", "ERR_TLS_CERT_ALTNAME_INVALID"],
  ] as const)("a certificate that is %s is refused for that reason", async (tls, code) => {
    await start({ tls });
    const trusted = tls === "self-signed" ? {} : { ca: readFileSync(registry.caFile ?? "", "utf8") };
    await expect(ask("/v2/", trusted)).rejects.toMatchObject({ code });
    expect(registry.requests()).toEqual([]);
  });

  test("a trusted certificate lets a client push and read over TLS", async () => {
    await start({ tls: "trusted" });
    const ca = readFileSync(registry.caFile ?? "", "utf8");
    const blob = await pushBlob(content, BASIC, ca);
    expect(await ask(blob, { ca })).toMatchObject({ status: 200, body: content });
    await expect(ask(blob)).rejects.toMatchObject({ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
  });
});
