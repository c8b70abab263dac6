/**
 * Bugs that users of other clients met, as tests for this one. Each case ends in the oracle.
 *
 * | case    | proven in                                                                                                |
 * | ------- | -------------------------------------------------------------------------------------------------------- |
 * | B01     | engine.engine.test.ts (E11); for builds test/build-faults.engine.test.ts; an archive cannot be imported   |
 * | B02     | here; `stream` null in test/build-faults.engine.test.ts                                                  |
 * | B03     | engine.engine.test.ts (E12)                                                                              |
 * | B04     | engine.engine.test.ts (E13); that a job says so is for the server to prove                               |
 * | B05     | engine.engine.test.ts (E09, E10); the push's read-back in test/push.engine.test.ts                       |
 * | B06     | src/engine/progress-stream.test.ts                                                                       |
 * | B07     | bugs.test.ts, src/build/registry-config.test.ts, test/push.engine.test.ts; a build's credential here     |
 * | B08     | src/credentials/credentials.test.ts; on the wire test/push-and-pull.engine.test.ts                       |
 * | B09     | does not apply: nothing here uses exec                                                                   |
 * | B10     | src/engine/transport.test.ts and test/build-faults.engine.test.ts: a session is all that is upgraded      |
 * | B11     | bugs.test.ts                                                                                             |
 * | B12     | src/engine/transport.test.ts; on a real engine test/engine-restart.engine.test.ts                        |
 * | B13     | bugs.test.ts; on a real sshd test/ssh.engine.test.ts                                                     |
 * | B14     | bugs.test.ts; on a real sshd test/ssh.engine.test.ts                                                     |
 * | B15 B16 | endpoint.test.ts, src/endpoint/endpoint.test.ts                                                          |
 *
 * B17 to B32 are about the store, the server and its clients, which are other packages'.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithDocker, engineRequest, startEngineProxy, startRegistry, uniqueName } from "@container-kit/testkit";
import type { FaultRule, TestRegistry } from "@container-kit/testkit";
import type { Engine } from "../../src/index.ts";
import { WITHOUT_SESSION } from "../build-rig.ts";
import { connect, dockerConfig, folderOf } from "../rig.ts";
import { makeSubject, operationsOn } from "./operations.ts";
import type { Subject } from "./operations.ts";
import { expectFailure, expectTruth } from "./oracle.ts";

const DEADLINE_MS = 60_000;

describeWithDocker("what users of other clients met", (rig) => {
  let subject: Subject;
  const { host } = rig.engine;
  const operations = operationsOn(rig, () => subject);

  beforeAll(async () => {
    subject = await makeSubject(rig);
  });

  afterAll(() => subject.remove());

  describe.concurrent("B02 an answer without content", () => {
    test.each(Object.entries(operations))("is no success of %s and no error of ours", async (name, { match, call }) => {
      // A container is made by its name: what counts there is what is told of it.
      const rule: FaultRule = {
        match: name === "probe" ? /^GET \/containers/ : match,
        fault: { kind: "answer", status: 204, body: "" },
      };
      const proxy = await startEngineProxy({ target: host });
      const engine = await connect(rig, { DOCKER_HOST: proxy.host });
      proxy.setRules([rule]);
      try {
        await expectFailure(() => call(engine), { codes: ["ENGINE_PROTOCOL"], deadlineMs: DEADLINE_MS });
        expect(proxy.fired(rule)).toBeGreaterThan(0);
      } finally {
        await engine.close();
        await proxy.close();
      }
    });
  });

  describe("B07 a build's base from a registry of its own", () => {
    // What plain base64 writes with `+` and `/`.
    const password = "~~~???>>>ÿÿÿ:+/=";
    let registry: TestRegistry;
    let base: string;

    beforeAll(async () => {
      registry = await startRegistry({ users: { "user~?>": password } });
      base = `${registry.host}/${uniqueName("base")}:1`;
      await withCredential(async (engine) => void (await engine.push(subject.image.reference, { target: base })));
    });

    afterAll(() => registry.close());

    const withCredential = async (run: (engine: Engine) => Promise<void>, target = host): Promise<void> => {
      const config = dockerConfig({ [registry.host]: { username: "user~?>", password } });
      const engine = await connect(rig, { DOCKER_HOST: target, DOCKER_CONFIG: config.folder });
      try {
        await run(engine);
      } finally {
        await engine.close();
        config.remove();
      }
    };

    test.each(["classic", "buildkit"] as const)(
      "is had by the %s builder with a password of any letters",
      async (builder) => {
        const proxy = await startEngineProxy({ target: host, rules: builder === "classic" ? [WITHOUT_SESSION] : [] });
        const context = folderOf({ Dockerfile: `FROM ${base}\nLABEL x=${uniqueName()}\n` });
        const tag = `${uniqueName("credential")}:1`;
        await engineRequest(host, "DELETE", `/images/${base}`);
        await withCredential(async (engine) => {
          const call = () => engine.build(context.folder, { tags: [tag], pull: true });
          const readBack = async ({ imageId, builder: used }: Awaited<ReturnType<typeof call>>) => {
            expect(used).toBe(builder);
            const shown = (await engineRequest(host, "GET", `/images/${tag}/json`)).json();
            expect(shown).toMatchObject({ Id: imageId });
          };
          await expectTruth(call, { deadlineMs: DEADLINE_MS, secrets: [password], readBack });
        }, proxy.host);
        expect(proxy.fired(WITHOUT_SESSION)).toBe(builder === "classic" ? 1 : 0);
        await engineRequest(host, "DELETE", `/images/${tag}?force=true`);
        context.remove();
        await proxy.close();
      },
    );
  });
});
