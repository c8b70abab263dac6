import { Secret } from "@container-kit/observability";
import { assert, asyncProperty, string } from "fast-check";
import { expect, test } from "vitest";
import type { Credential } from "../credentials/types.ts";
import { fail } from "../errors.ts";
import { registryConfig } from "./registry-config.ts";

const signal = new AbortController().signal;
const decode = (header = "") => JSON.parse(Buffer.from(header, "base64url").toString()) as unknown;

test("any user and password reach the engine as they are, in the alphabet that it reads", async () => {
  await assert(
    asyncProperty(string({ unit: "binary" }), string({ unit: "binary" }), async (username, password) => {
      const resolve = (registry: string): Promise<Credential> =>
        Promise.resolve({ source: "file", serverAddress: registry, username, password: new Secret(password) });
      const { header } = await registryConfig(["r:5000/a:1", "r:5000/b", "node"], resolve, signal);
      expect(header).toMatch(/^[\w-]+={0,2}$/);
      expect(decode(header)).toEqual({
        "r:5000": { username, password },
        "https://index.docker.io/v1/": { username, password },
      });
    }),
    { numRuns: 1000 },
  );
});

test("a registry without a credential is left out, and one whose helper fails is told and does not stop the others", async () => {
  const resolve = (registry: string): Promise<Credential> => {
    if (registry === "broken:1") return Promise.reject(fail("CREDENTIAL_HELPER_FAILED", "no"));
    if (registry === "token:1")
      return Promise.resolve({ source: "store", serverAddress: registry, identityToken: new Secret("t") });
    return Promise.resolve({ source: "none", serverAddress: registry });
  };
  const { header, failure } = await registryConfig(["broken:1/a", "token:1/a", "node", "NO/Ref:"], resolve, signal);
  expect(decode(header)).toEqual({ "token:1": { identitytoken: "t" } });
  expect(failure).toMatchObject({ code: "CREDENTIAL_HELPER_FAILED" });
  expect(await registryConfig(["node"], resolve, signal)).toEqual({ failure: null });
});
