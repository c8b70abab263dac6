import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithDocker, makeCertificate, makeTinyImage, uniqueName } from "@container-kit/testkit";
import type { Certificate, LoadedRig, TinyImage } from "@container-kit/testkit";
import { connect, folderOf } from "./rig.ts";

/** Lets a server's connections through to the rig's engine, byte for byte. */
async function listen(rig: LoadedRig, server: Server, event: "connection" | "secureConnection"): Promise<number> {
  server.on(event, (client: Socket) => {
    const upstream = connectSocket(rig.engine.host.slice("unix://".length));
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

describeWithDocker("an engine behind another kind of endpoint", (rig) => {
  let image: TinyImage;
  let folder: string;
  const servers: Server[] = [];
  const serverCertificate = makeCertificate("trusted", ["127.0.0.1"]);
  const clientCertificate = makeCertificate("trusted", ["client"]);

  /** DOCKER_CERT_PATH with these files. */
  const certificates = (name: string, { ca }: Pick<Certificate, "ca">, { key, cert }: Certificate): string => {
    const { folder: made } = folderOf({ [`${name}/ca.pem`]: ca, [`${name}/cert.pem`]: cert, [`${name}/key.pem`]: key });
    return join(made, name);
  };

  /** The whole way: questions, a change, a push with its stream, a build with its session. */
  const useIt = async (env: Readonly<Record<string, string>>): Promise<void> => {
    const engine = await connect(rig, env);
    const direct = await connect(rig);
    expect(engine.identity).toEqual(direct.identity);
    const target = `${rig.registry.host}/${uniqueName("endpoint")}:1`;
    expect(await engine.push(image.reference, { target })).toMatchObject({ verified: true, via: "api" });
    const built = await engine.build(folder, { tags: [`${uniqueName("endpoint")}:1`] });
    expect(built).toMatchObject({ builder: "buildkit", via: "api" });
    await engine.remove(built.tags[0] ?? "");
    await engine.close();
    await direct.close();
  };

  beforeAll(async () => {
    image = await makeTinyImage(rig);
    folder = mkdtempSync(join(tmpdir(), "endpoints-"));
    writeFileSync(join(folder, "Dockerfile"), `FROM scratch\nCOPY file /${uniqueName("x")}\n`);
    writeFileSync(join(folder, "file"), "content");
  });

  afterAll(async () => {
    await image.remove();
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("over TCP does everything", async () => {
    const server = createServer();
    servers.push(server);
    await useIt({ DOCKER_HOST: `tcp://127.0.0.1:${await listen(rig, server, "connection")}` });
  });

  describe("over TLS with client certificates", () => {
    let host: string;

    beforeAll(async () => {
      const { key, cert } = serverCertificate;
      const server = createTlsServer({ key, cert, ca: clientCertificate.ca, requestCert: true });
      servers.push(server);
      host = `tcp://127.0.0.1:${await listen(rig, server, "secureConnection")}`;
    });

    const secured = (path: string) => ({ DOCKER_HOST: host, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: path });

    test("does everything", async () => {
      await useIt(secured(certificates("right", serverCertificate, clientCertificate)));
    });

    test.each([
      ["an authority that is not the server's", makeCertificate("trusted", ["127.0.0.1"]), clientCertificate],
      ["a client certificate that the server does not know", serverCertificate, makeCertificate("trusted", ["client"])],
    ])("with %s is refused with what to check", async (_what, authority, client) => {
      await expect(connect(rig, secured(certificates("wrong", authority, client)))).rejects.toMatchObject({
        code: "ENGINE_BAD_ENDPOINT",
        remedy: expect.stringContaining("DOCKER_CERT_PATH"),
      });
    });

    test("is not spoken to in the clear", async () => {
      await expect(connect(rig, { DOCKER_HOST: host })).rejects.toMatchObject({
        code: expect.stringMatching(/^ENGINE_(?:PROTOCOL|UNAVAILABLE|RESTARTED)$/),
      });
    });
  });

  test.each(["expired", "wrong-host"] as const)("whose certificate is %s is refused", async (kind) => {
    const wrong = makeCertificate(kind, ["127.0.0.1"]);
    const server = createTlsServer({ key: wrong.key, cert: wrong.cert });
    servers.push(server);
    const host = `tcp://127.0.0.1:${await listen(rig, server, "secureConnection")}`;
    const env = {
      DOCKER_HOST: host,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: certificates(kind, wrong, clientCertificate),
    };
    await expect(connect(rig, env)).rejects.toMatchObject({ code: "ENGINE_BAD_ENDPOINT" });
  });
});
