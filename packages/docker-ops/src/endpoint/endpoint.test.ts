import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectEngine } from "../engine/connect.ts";
import { listEndpoints } from "./discover.ts";

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "endpoint-"));
});

afterEach(() => rm(home, { recursive: true, force: true }));

async function context(name: string, host: string): Promise<void> {
  const folder = join(home, ".docker", "contexts", "meta", createHash("sha256").update(name).digest("hex"));
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "meta.json"),
    JSON.stringify({ Name: name, Endpoints: { docker: { Host: host, SkipTLSVerify: false } } }),
  );
}

const configure = (config: unknown) =>
  mkdir(join(home, ".docker"), { recursive: true }).then(() =>
    writeFile(join(home, ".docker", "config.json"), JSON.stringify(config)),
  );

describe("listEndpoints", () => {
  test("DOCKER_HOST wins over the context, and is the only candidate", async () => {
    await context("colima", "unix:///colima.sock");
    await configure({ currentContext: "colima" });
    expect(await listEndpoints({ HOME: home, DOCKER_HOST: "unix:///mine.sock" })).toEqual({
      configured: true,
      endpoints: [{ host: "unix:///mine.sock", source: "DOCKER_HOST" }],
    });
  });

  test("the current context is used, DOCKER_CONTEXT before it, and `default` means neither", async () => {
    await context("colima", "unix:///colima.sock");
    await context("remote", "tcp://10.0.0.1:2375");
    await configure({ currentContext: "colima" });
    expect((await listEndpoints({ HOME: home })).endpoints).toEqual([
      { host: "unix:///colima.sock", source: 'docker context "colima"', context: "colima" },
    ]);
    expect((await listEndpoints({ HOME: home, DOCKER_CONTEXT: "remote" })).endpoints[0]?.host).toBe(
      "tcp://10.0.0.1:2375",
    );
    expect((await listEndpoints({ HOME: home, DOCKER_CONTEXT: "default" })).configured).toBe(false);
  });

  test("a context that is not there is said, and nothing else is tried", async () => {
    await expect(listEndpoints({ HOME: home, DOCKER_CONTEXT: "gone" })).rejects.toMatchObject({
      code: "ENGINE_BAD_ENDPOINT",
      message: expect.stringContaining("gone"),
    });
  });

  test("with nothing configured the usual sockets are tried, rootless and Podman's among them", async () => {
    const { configured, endpoints } = await listEndpoints({ HOME: home, XDG_RUNTIME_DIR: "/run/user/7" });
    expect(configured).toBe(false);
    const hosts = endpoints.map(({ host }) => host);
    expect(hosts[0]).toBe("unix:///var/run/docker.sock");
    expect(hosts).toContain("unix:///run/user/7/docker.sock");
    expect(hosts).toContain("unix:///run/user/7/podman/podman.sock");
  });

  test("TLS files come from DOCKER_CERT_PATH when DOCKER_TLS_VERIFY is set", async () => {
    const { endpoints } = await listEndpoints({
      HOME: home,
      DOCKER_HOST: "tcp://h:2376",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: "/certs",
    });
    expect(endpoints[0]).toMatchObject({ tls: { ca: "/certs/ca.pem", verify: true } });
  });

  test.each(["tcp://user:hunter22@127.0.0.1:1", "ssh://user:hunter22@host", "tcp://user:hunter22@bad:host:"])(
    "an endpoint with a password (%#) is refused without the password",
    async (host) => {
      const error: unknown = await listEndpoints({ HOME: home, DOCKER_HOST: host }).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: "ENGINE_BAD_ENDPOINT" });
      expect(inspect(error, { depth: 5 })).not.toContain("hunter22");
    },
  );

  test.each(["ssh://", "ftp://x", "foo://", "tcp://", "tcp://:bad:"])(
    "DOCKER_HOST=%s is ENGINE_BAD_ENDPOINT",
    async (host) => {
      await expect(listEndpoints({ HOME: home, DOCKER_HOST: host })).rejects.toMatchObject({
        code: "ENGINE_BAD_ENDPOINT",
      });
    },
  );
});

describe("connectEngine without an engine", () => {
  test("the endpoint that was configured is named with what happened", async () => {
    const host = `unix://${join(home, "none.sock")}`;
    await expect(connectEngine({ env: { HOME: home, DOCKER_HOST: host } })).rejects.toMatchObject({
      code: "ENGINE_UNAVAILABLE",
      retryable: true,
      details: { candidates: [{ host, source: "DOCKER_HOST" }] },
    });
  });

  test("a path that is a file or a folder is ENGINE_BAD_ENDPOINT", async () => {
    await writeFile(join(home, "file"), "");
    for (const path of [join(home, "file"), home]) {
      await expect(connectEngine({ env: { HOME: home, DOCKER_HOST: `unix://${path}` } })).rejects.toMatchObject({
        code: "ENGINE_BAD_ENDPOINT",
      });
    }
  });

  test("TLS files that are missing are named", async () => {
    const env = {
      HOME: home,
      DOCKER_HOST: "tcp://127.0.0.1:1",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: join(home, "certs"),
    };
    await expect(connectEngine({ env })).rejects.toMatchObject({
      code: "ENGINE_BAD_ENDPOINT",
      remedy: expect.stringContaining("DOCKER_CERT_PATH"),
    });
  });
});
