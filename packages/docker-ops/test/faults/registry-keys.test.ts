import { expect, test } from "vitest";
import { registryAuthHeader } from "../../src/credentials/auth-header.ts";
import { resolveCredential } from "../../src/index.ts";
import { folderOf } from "../rig.ts";
import { expectNoSecret } from "./oracle.ts";

test.each([
  ["docker.io", "https://index.docker.io/v1/", "https://index.docker.io/v1/"],
  ["docker.io", "docker.io", "https://index.docker.io/v1/"],
  ["index.docker.io", "https://index.docker.io/v1/", "https://index.docker.io/v1/"],
  ["ghcr.io", "ghcr.io", "ghcr.io"],
  ["1234.dkr.ecr.eu-west-1.amazonaws.com", "1234.dkr.ecr.eu-west-1.amazonaws.com", undefined],
  ["team.azurecr.io", "https://team.azurecr.io", undefined],
  ["eu.gcr.io", "https://eu.gcr.io", undefined],
  ["europe-docker.pkg.dev", "europe-docker.pkg.dev", undefined],
])(
  "R25 the credential of %s that is kept under %s reaches the engine with the right server address",
  async (registry, key, address) => {
    // What the cloud's own sign-ins leave behind: a fixed name with a token that ends, or an identity token.
    const token = "cloud-token-canary";
    const entries = [
      { entry: { auth: Buffer.from(`AWS:${token}`).toString("base64") }, sent: { username: "AWS", password: token } },
      {
        entry: { auth: Buffer.from(`_json_key:{"k":"${token}"}`).toString("base64") },
        sent: { username: "_json_key", password: `{"k":"${token}"}` },
      },
      {
        entry: { auth: Buffer.from("00000000-0000-0000-0000-000000000000:").toString("base64"), identitytoken: token },
        sent: { identitytoken: token },
      },
    ];
    for (const { entry, sent } of entries) {
      const config = folderOf({
        "config.json": JSON.stringify({ auths: { [key]: entry, "other.example": { auth: "bzpw" } } }),
      });
      const credential = await resolveCredential(registry, { env: { DOCKER_CONFIG: config.folder } });
      config.remove();
      const header: unknown = JSON.parse(Buffer.from(registryAuthHeader(credential), "base64url").toString("utf8"));
      expect(header).toMatchObject({ ...sent, serveraddress: address ?? registry });
      expectNoSecret(credential, [token]);
    }
  },
);
