import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithDocker, makeTinyImage, registryRequest, startPrivateEngine } from "@container-kit/testkit";
import type { FaultRegistryOptions, TinyImage } from "@container-kit/testkit";
import { connect } from "../rig.ts";
import { expectFailure, expectTruth } from "./oracle.ts";
import { PASSWORD, stageRegistry } from "./registry-stage.ts";
import type { RegistryStage } from "./registry-stage.ts";

/** An address of this machine that no engine takes for loopback, whose certificates it forgives. */
const address = Object.values(networkInterfaces())
  .flatMap((addresses = []) => addresses)
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

describe.skipIf(address === undefined)(
  `the fault matrix of TLS${address === undefined ? ", skipped: this machine has no address beside loopback" : ""}`,
  () => {
    describeWithDocker("a registry that is not on loopback", (rig) => {
      let image: TinyImage;

      beforeAll(async () => {
        image = await makeTinyImage(rig);
      });

      afterAll(() => image.remove());

      const stage = (options: FaultRegistryOptions) => stageRegistry(rig, { address: address ?? "", ...options });

      /** Push, pull and the question after the login: each is refused, and nobody came in. */
      async function expectRefused({ registry, engine, target }: RegistryStage): Promise<void> {
        for (const call of [
          () => engine.push(image.reference, { target }),
          () => engine.pull(target),
          () => engine.checkLogin(registry.host),
        ]) {
          const error = await expectFailure(call, { deadlineMs: 30_000, secrets: [PASSWORD], codes: ["REGISTRY_TLS"] });
          expect(error.message).toContain(registry.host);
        }
      }

      test.each(["self-signed", "expired", "wrong-host"] as const)(
        "R10 a certificate that is %s is REGISTRY_TLS, and no credential goes out",
        async (tls) => {
          const set = await stage({ tls });
          await expectRefused(set);
          expect(set.registry.requests()).toEqual([]);
        },
      );

      test("R11 plain HTTP where TLS is expected is REGISTRY_TLS, and no credential goes out", async () => {
        const set = await stage({});
        await expectRefused(set);
        expect(set.registry.requests().filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
      });

      test("R10 R11 what the engine's settings list as insecure is used as it is", async () => {
        const sets = [await stage({ tls: "self-signed" }), await stage({})];
        const own = await startPrivateEngine({ insecureRegistries: sets.map(({ registry }) => registry.host) });
        try {
          const { reference } = await makeTinyImage({ engine: { ...rig.engine, host: own.host } });
          for (const { registry, target, env } of sets) {
            const engine = await connect(rig, { ...env, DOCKER_HOST: own.host });
            await expectTruth(() => engine.push(reference, { target }), {
              deadlineMs: 30_000,
              secrets: [PASSWORD],
              readBack: async ({ digest }) => {
                const path = `/v2/${target.slice(registry.host.length + 1, -2)}/manifests/${digest}`;
                expect((await registryRequest(registry.behind, "HEAD", path)).status).toBe(200);
              },
            });
            expect(await engine.checkLogin(registry.host)).toMatchObject({ valid: true });
            await engine.close();
          }
        } finally {
          await own.close();
        }
      }, 60_000);
    });
  },
);
