import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { Secret } from "@container-kit/observability";
import { describeEachEngine, describeWithEngine, startFaultRegistry } from "@container-kit/testkit";
import type { FaultRegistry, FaultRegistryOptions, RegistryFaultRule } from "@container-kit/testkit";
import type { Credential } from "../src/index.ts";
import { checkLogin } from "../src/registry/check-login.ts";
import { openRegistry } from "../src/registry/client.ts";
import { findManifest } from "../src/registry/manifest.ts";
import { askPushRight } from "../src/registry/push-right.ts";
import { connect, dockerConfig } from "./rig.ts";

const as = (username: string, password: string): Credential => ({
  source: "file",
  serverAddress: "r",
  username,
  password: new Secret(password),
});
const nobody: Credential = { source: "none", serverAddress: "r" };
const signal = AbortSignal.timeout(120_000);

async function onRegistry(options: FaultRegistryOptions, play: (registry: FaultRegistry) => Promise<void>) {
  const registry = await startFaultRegistry(options);
  try {
    await play(registry);
  } finally {
    await registry.close();
  }
}

const login = (registry: FaultRegistry, credential: Credential, repository?: string) =>
  checkLogin({
    registry: registry.host,
    credential,
    insecure: true,
    signal,
    ...(repository === undefined ? {} : { repository }),
  });

describeEachEngine("a login through an engine", (rig) => {
  test("is checked at the registry itself with the credential that a push would use", async () => {
    const { host, username } = rig.registry;
    const engine = await connect(rig);
    expect(await engine.checkLogin(host)).toEqual({
      registry: host,
      source: "file",
      username,
      valid: true,
      reason: "the registry accepted the credential",
      warnings: [],
    });
    const wrong = dockerConfig({ [host]: { username, password: "wrong" } });
    const none = dockerConfig({});
    const [mistaken, unknown] = await Promise.all(
      [wrong, none].map(({ folder }) => connect(rig, { DOCKER_CONFIG: folder })),
    );
    expect(await mistaken?.checkLogin(host)).toMatchObject({ valid: false, username, source: "file" });
    expect(await unknown?.checkLogin(host)).toMatchObject({ valid: false, source: "none" });
    for (const config of [wrong, none]) config.remove();
  });
});

// What follows asks registries, and no engine.
describeWithEngine("a login", () => {
  test("at a token service is told with what it grants", () =>
    onRegistry({ auth: "bearer", anonymousPull: true }, async (registry) => {
      expect(await login(registry, as("test", "test"))).toMatchObject({ valid: true });
      expect(await login(registry, as("test", "test"), "team/app")).toMatchObject({ valid: true });
      expect(registry.tokenRequests().at(-1)).toMatchObject({ scopes: ["repository:team/app:pull,push"], status: 200 });
      expect(await login(registry, as("test", "wrong"))).toMatchObject({
        valid: false,
        reason: expect.stringContaining("did not accept the credential of test"),
      });
      expect(await login(registry, nobody)).toMatchObject({
        valid: false,
        reason: expect.stringContaining("no credential"),
      });
    }));

  test("with an identity token goes the OAuth2 way, and a registry token goes as it is", () =>
    onRegistry({ auth: "bearer" }, async (registry) => {
      const identityToken = new Secret(registry.identityToken("test"));
      expect(await login(registry, { source: "store", serverAddress: "r", identityToken })).toMatchObject({
        valid: true,
      });
      expect(registry.tokenRequests()).toMatchObject([{ grant: "refresh_token", username: "test", status: 200 }]);
      const registryToken = new Secret("not-a-token");
      const asIs = await login(registry, { source: "file", serverAddress: "r", registryToken });
      expect(asIs).toMatchObject({ valid: false });
      expect(registry.tokenRequests()).toHaveLength(1);
      expect(registry.requests().at(-1)?.headers.authorization).toBe("Bearer not-a-token");
    }));

  test("never gives the credential to a token service elsewhere, and says why it is not valid", () =>
    onRegistry({ auth: "bearer", tokenHost: "other" }, async (registry) => {
      expect(await login(registry, as("test", "test"))).toMatchObject({
        valid: false,
        reason: expect.stringContaining("token service"),
      });
      expect(registry.tokenRequests()).toEqual([]);
    }));

  test.each([
    "http://169.254.169.254/token",
    "https://[fe80::1]/token",
    "https://[fd00:ec2::254]/t",
    "file:///etc/passwd",
    "nonsense",
  ])("is not led to %s", (realm) =>
    onRegistry({ auth: "bearer", realm }, async (registry) => {
      expect(await login(registry, as("test", "test"))).toMatchObject({ valid: false });
    }),
  );

  test("does not follow a token service that redirects", () => {
    const rule: RegistryFaultRule = {
      match: /^GET \/token/,
      fault: { kind: "answer", status: 302, headers: { location: "http://127.0.0.1:1/" } },
    };
    return onRegistry({ auth: "bearer", rules: [rule] }, async (registry) => {
      await expect(login(registry, as("test", "test"))).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
      expect(registry.fired(rule)).toBe(1);
    });
  });

  test.each([
    ["asks for nothing", 200, "application/json", { valid: true }],
    ["is a web server", 200, "text/html", "REGISTRY_UNAVAILABLE"],
    ["knows no /v2/", 404, "text/html", "REGISTRY_UNAVAILABLE"],
    ["refuses without asking", 401, "text/html", "REGISTRY_UNAVAILABLE"],
    ["fails", 503, "text/plain", "REGISTRY_UNAVAILABLE"],
    ["is busy", 429, "text/plain", "REGISTRY_RATE_LIMITED"],
  ])("at a registry that %s is told as that", async (_what, status, type, expected) => {
    const server = createServer((_request, response) => response.writeHead(status, { "content-type": type }).end("x"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const registry = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const asked = checkLogin({ registry, credential: as("u", "p"), insecure: true, signal });
    if (typeof expected === "string") await expect(asked).rejects.toMatchObject({ code: expected });
    else expect(await asked).toMatchObject(expected);
    server.close();
  });

  test.each([
    ["no host", undefined],
    ["127.0.0.1:1", "UPPER"],
    ["127.0.0.1:1", "name:tag"],
    ["127.0.0.1:1/x", undefined],
    ["https://127.0.0.1:1", undefined],
  ])("at %s/%s is refused as input", async (registry, repository) => {
    const query = { registry, credential: nobody, insecure: true, signal };
    await expect(checkLogin(repository === undefined ? query : { ...query, repository })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  });

  test.each(["self-signed", "expired", "wrong-host"] as const)(
    "at a registry with a certificate that is %s is REGISTRY_TLS",
    (tls) =>
      onRegistry({ tls }, async (registry) => {
        const query = { registry: registry.host, credential: as("test", "test"), insecure: false, signal };
        await expect(checkLogin(query)).rejects.toMatchObject({ code: "REGISTRY_TLS" });
        expect(registry.requests()).toEqual([]);
        expect(await checkLogin({ ...query, insecure: true })).toMatchObject({ valid: true });
      }),
  );
});

describeWithEngine("a registry's client", () => {
  test("renews a token that has expired, once", () =>
    onRegistry({ auth: "bearer" }, async (registry) => {
      const learnt: Secret[] = [];
      const client = openRegistry({
        registry: registry.host,
        credential: as("test", "test"),
        insecure: true,
        learnSecret: (secret) => void learnt.push(secret),
      });
      const ask = () => findManifest(client, { repository: "none", reference: "1", signal });
      expect(await ask()).toBeNull();
      expect(await ask()).toBeNull();
      expect(registry.tokenRequests()).toHaveLength(1);
      registry.expireTokens();
      expect(await ask()).toBeNull();
      expect(registry.tokenRequests()).toHaveLength(2);
      expect(learnt).toHaveLength(2);
    }));

  test("asks once for what many requests need", () =>
    onRegistry({ auth: "bearer" }, async (registry) => {
      const client = openRegistry({ registry: registry.host, credential: as("test", "test"), insecure: true });
      const query = { repository: "none", signal };
      await Promise.all(["1", "2", "3"].map((reference) => findManifest(client, { ...query, reference })));
      expect(registry.tokenRequests()).toHaveLength(1);
      expect(registry.requests().filter(({ headers }) => headers.authorization === undefined)).toHaveLength(1);
    }));

  test("learns whether we may push, and leaves nothing behind", () =>
    onRegistry({ auth: "bearer", anonymousPull: true }, async (registry) => {
      const query = { repository: "team/app", signal };
      const access = { registry: registry.host, insecure: true };
      expect(await askPushRight(openRegistry({ ...access, credential: as("test", "test") }), query)).toBe(true);
      expect(registry.requests().filter(({ method }) => method === "DELETE")).toHaveLength(1);
      await expect(askPushRight(openRegistry({ ...access, credential: nobody }), query)).rejects.toMatchObject({
        code: expect.stringMatching(/^AUTH_FAILED$|^REGISTRY_DENIED$/),
      });
    }));
});
