import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { parseChallenge } from "./challenge.ts";
import { requestRegistry } from "./http.ts";
import { isLinkLocalHost, refusingLookup } from "./link-local.ts";
import { belongsTo } from "./realm.ts";
import { retryAfterMs } from "./retry-after.ts";

describe("a token service", () => {
  test.each([
    ["https://auth.docker.io/token", "https://registry-1.docker.io/", true],
    ["https://gitlab.com/jwt/auth", "https://registry.gitlab.com/", true],
    ["https://ghcr.io/token", "https://ghcr.io/", true],
    ["http://r:5000/token", "http://r:5000/", true],
    ["https://r:5001/token", "https://r:5000/", false],
    ["http://auth.docker.io/token", "https://registry-1.docker.io/", false],
    ["https://evil.example/token", "https://registry-1.docker.io/", false],
    ["https://evil.co.uk/token", "https://registry.good.co.uk/", false],
    ["https://auth.good.co.uk/token", "https://registry.good.co.uk/", true],
    ["https://9.9.0.1/token", "https://10.1.0.1/", false],
    ["https://[::1]/token", "https://[::2]/", false],
    ["https://io/token", "https://docker.io/", false],
  ])("%s of %s is its own: %s", (realm, registry, expected) => {
    expect(belongsTo(new URL(realm), new URL(registry))).toBe(expected);
  });
});

describe("a link-local address", () => {
  test.each([
    ["http://169.254.169.254/", true],
    ["http://2852039166/", true],
    ["http://0xa9.254.169.254/", true],
    ["http://[fe80::1]/", true],
    ["http://[fd00:ec2::254]/", true],
    ["http://[::ffff:169.254.169.254]/", true],
    ["http://127.0.0.1/", false],
    ["http://[::1]/", false],
    ["http://registry.example/", false],
  ])("is seen in %s: %s", (url, expected) => {
    expect(isLinkLocalHost(new URL(url).hostname)).toBe(expected);
  });

  test("is refused behind a name, and others pass in both forms of a lookup", async () => {
    const look = (name: string, all: boolean) =>
      new Promise((resolve) => {
        refusingLookup(name, { all }, (error, address, family) => resolve(error?.message ?? [address, family]));
      });
    expect(await look("169.254.1.1", true)).toContain("link-local");
    expect(await look("169.254.1.1", false)).toContain("link-local");
    expect(await look("127.0.0.1", false)).toEqual(["127.0.0.1", 4]);
    expect(await look("127.0.0.1", true)).toEqual([[{ address: "127.0.0.1", family: 4 }], undefined]);
  });

  test("does not stand in the way of a request to another address by name", async () => {
    const server = createServer((_request, response) => response.end("here"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = new URL(`http://localhost:${(server.address() as AddressInfo).port}/`);
    const answer = await requestRegistry({
      method: "GET",
      url,
      signal: AbortSignal.timeout(5000),
      refuseLinkLocal: true,
    });
    expect(answer.body.toString()).toBe("here");
    server.close();
  });
});

test.each([
  ["7", 7000],
  [" 0 ", 0],
  ["Sat, 01 Jan 2000 00:00:10 GMT", 10_000],
  ["Fri, 31 Dec 1999 23:00:00 GMT", 0],
  ["soon", null],
  ["-5", null],
  ["1e9", null],
  ["", null],
  [undefined, null],
])("Retry-After %j is %j ms", (header, expected) => {
  expect(retryAfterMs(header, Date.UTC(2000, 0, 1))).toBe(expected);
});

describe("parseChallenge", () => {
  test.each([
    [undefined, null],
    ["Negotiate", null],
    ["Negotiate abc==", null],
    ["Bearer", null],
    ['Basic realm="x"', { scheme: "basic" }],
    ['Basic realm="Bearer realm=evil"', { scheme: "basic" }],
    ['bearer realm="https://a/t",service="s"', { scheme: "bearer", realm: "https://a/t", service: "s" }],
    ['Basic realm="b", Bearer realm="https://a/t"', { scheme: "bearer", realm: "https://a/t" }],
    ['Bearer realm="https://a/t", Basic realm="b"', { scheme: "bearer", realm: "https://a/t" }],
    ['Negotiate abc==, Bearer realm="https://a/t"', { scheme: "bearer", realm: "https://a/t" }],
    ["Bearer realm=https://a/t , service = s", { scheme: "bearer", realm: "https://a/t", service: "s" }],
    [
      'Bearer realm="https://a/\\"t", scope="repository:a:pull,push"',
      { scheme: "bearer", realm: 'https://a/"t', scope: "repository:a:pull,push" },
    ],
    ['Bearer realm="https://a/t', { scheme: "bearer", realm: "https://a/t" }],
    ['Bearer realm="https://a/t",realm="https://evil/t"', { scheme: "bearer", realm: "https://a/t" }],
    ['realm="https://a/t"', null],
    [`Bearer ${"x".repeat(9000)}`, null],
    ['"'.repeat(8000), null],
    ["\\".repeat(8000), null],
  ])("%j is %j", (header, expected) => {
    expect(parseChallenge(header)).toEqual(expected);
  });
});
