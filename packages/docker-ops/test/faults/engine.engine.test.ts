/**
 * The fault matrix of engines, on the rig's engine behind a proxy that misbehaves as told. Each case ends in the oracle.
 *
 * | case        | proven in                                                                                          |
 * | ----------- | -------------------------------------------------------------------------------------------------- |
 * | E01-E04     | endpoint.test.ts beside this file; that a server starts without an engine is the server's to prove |
 * | E05-E13     | here; the builds among E09-E13 also in test/build-faults.engine.test.ts                            |
 * | E14-E16     | test/engine-restart.engine.test.ts                                                                 |
 * | E17         | does not apply: nothing here uses exec or attach                                                   |
 * | E18         | src/engine/transport.test.ts, twenty times; on a real engine test/engine-restart.engine.test.ts    |
 * | E19         | here; a name that is another image's is CONFLICT in test/push-and-pull.engine.test.ts              |
 * | E20         | scripted.test.ts beside this file                                                                  |
 * | E21         | test/build-faults.engine.test.ts and src/engine/transport.test.ts; a session that breaks here      |
 * | E22         | does not apply: nothing here reads the engine's events                                             |
 * | E23         | test/engine-restart.engine.test.ts                                                                 |
 * | E24         | scripted.test.ts beside this file; nothing here lists containers                                   |
 * | E25         | test/engine-restart.engine.test.ts and src/engine/watch.test.ts                                    |
 *
 * That progress is heard of while an engine is silent (E06) is for the runtime above this package, which has the clock.
 */
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithDocker, engineRequest, makeTinyImage, startEngineProxy } from "@container-kit/testkit";
import type { EngineProxy, FaultRule } from "@container-kit/testkit";
import { connectEngine } from "../../src/index.ts";
import type { Engine } from "../../src/index.ts";
import { askRegistry, connect } from "../rig.ts";
import { containersOf, freshTarget, makeSubject, operationsOn } from "./operations.ts";
import type { FaultOperation, Subject } from "./operations.ts";
import { expectFailure, expectTruth } from "./oracle.ts";

const changes = ["tag", "remove", "push", "load", "build", "probe"];
const streams = ["pull", "push", "load", "build"];
const all = ["inspect", "list", "history", "tag", "remove", "pull", "push", "load", "save", "build", "probe"];

describeWithDocker("an engine with a fault", (rig) => {
  let subject: Subject;
  const { host } = rig.engine;
  const operations = operationsOn(rig, () => subject);

  const operation = (name: string): FaultOperation => {
    const found = operations[name];
    if (found === undefined) throw new TypeError(`there is no operation ${name}`);
    return found;
  };
  const idOf = async (reference: string): Promise<unknown> => {
    const { status, json } = await engineRequest(host, "GET", `/images/${reference}/json`);
    return status === 200 ? (json() as { Id: unknown }).Id : null;
  };
  const digestOf = async (reference: string): Promise<string | null> => {
    const path = reference.slice(rig.registry.host.length + 1).replace(/:1$/, "");
    const { status, headers } = await askRegistry(rig, "HEAD", `/v2/${path}/manifests/1`);
    return status === 200 ? headers.get("docker-content-digest") : null;
  };
  /** Runs a case on an engine behind a proxy; each rule must have fired. */
  const behind = async (
    rules: readonly FaultRule[],
    run: (engine: Engine, proxy: EngineProxy) => Promise<void>,
  ): Promise<void> => {
    const proxy = await startEngineProxy({ target: host });
    const engine = await connect(rig, { DOCKER_HOST: proxy.host });
    proxy.setRules(rules);
    try {
      await run(engine, proxy);
      for (const rule of rules) expect(proxy.fired(rule), `how often ${rule.match} fired`).toBeGreaterThan(0);
    } finally {
      await engine.close();
      await proxy.close();
    }
  };

  beforeAll(async () => {
    subject = await makeSubject(rig);
  });

  afterAll(() => subject.remove());

  describe.concurrent("E05 an engine that accepts and never answers", () => {
    test.each(all)("ends %s at its deadline", async (name) => {
      const { match, call } = operation(name);
      const deadlineMs = 1000;
      await behind([{ match, fault: { kind: "hang" } }], async (engine) => {
        await expectFailure(() => call(engine, { deadlineMs }), { codes: ["ENGINE_TIMEOUT"], deadlineMs });
      });
    });

    test.each(all)("lets go of %s when the caller does", async (name) => {
      const { match, call } = operation(name);
      const rule: FaultRule = { match, fault: { kind: "hang" } };
      await behind([rule], async (engine, proxy) => {
        const controller = new AbortController();
        const cancelled = async () => {
          const outcome = call(engine, { signal: controller.signal });
          const abort = async () => {
            while (proxy.fired(rule) === 0) await sleep(10);
            controller.abort();
          };
          const [error] = await Promise.all([outcome.catch((thrown: unknown) => thrown), abort()]);
          throw error;
        };
        await expectFailure(cancelled, { codes: ["CANCELLED"], deadlineMs: 5000 });
      });
    });

    test.each(["push", "probe"])(
      "from the middle on ends %s at its deadline too, its own clearing up included",
      async (name) => {
        const { match, call } = operation(name);
        const deadlineMs = 3000;
        const started: FaultRule =
          name === "push" ? { match, fault: { kind: "hang" } } : { match: /\/start/, fault: { kind: "hang" } };
        await behind([started, { match: /^DELETE/, fault: { kind: "hang" } }], async (engine) => {
          await expectFailure(() => call(engine, { deadlineMs }), { codes: ["ENGINE_TIMEOUT"], deadlineMs });
        });
      },
    );

    test("to the session, or breaks it, ends its build", async () => {
      for (const [kind, code] of [
        ["hang", "ENGINE_TIMEOUT"],
        ["reset", "ENGINE_RESTARTED"],
      ] as const) {
        const deadlineMs = 1000;
        await behind([{ match: /^POST \/session/, fault: { kind } }], async (engine) => {
          const call = () => operation("build").call(engine, { deadlineMs });
          await expectFailure(call, { codes: [code], deadlineMs });
        });
      }
    });

    test.each([/^GET \/version/, /^GET \/info/])("to %s is no engine", async (match) => {
      const rule: FaultRule = { match, fault: { kind: "hang" } };
      const proxy = await startEngineProxy({ target: host, rules: [rule] });
      const call = () => connectEngine({ host: proxy.host, connectTimeoutMs: 300 });
      await expectFailure(call, { codes: ["ENGINE_UNAVAILABLE"], deadlineMs: 300 });
      expect(proxy.fired(rule)).toBe(1);
      await proxy.close();
    });
  });

  test.concurrent("E06 an engine that answers after eight seconds is waited for", { timeout: 20_000 }, async () => {
    const slow: FaultRule["fault"] = { kind: "slow", delayMs: 8000 };
    const name = freshTarget(rig);
    await behind([{ match: operation("push").match, fault: slow }], async (engine) => {
      await expectTruth(() => engine.push(subject.image.reference, { target: name }), {
        deadlineMs: 60_000,
        readBack: async ({ digest }) => expect(await digestOf(name)).toBe(digest),
      });
    });
  });

  describe.concurrent("E07 an engine that fails with", () => {
    const bodies = [
      ["JSON", '{"message":"the daemon is busy"}', "application/json"],
      ["a page", "<html><h1>502 Bad Gateway</h1>\n<p>connection refused</p></html>", "text/html"],
      ["nothing", "", "text/plain"],
    ] as const;
    const answers = [500, 502, 503].flatMap((status) => bodies.map((body) => [status, ...body] as const));

    test.each(answers)("%i and %s twice is asked a third time", async (status, _what, body, contentType) => {
      const rule: FaultRule = {
        match: operation("inspect").match,
        fault: { kind: "answer", status, body, contentType },
        times: 2,
      };
      await behind([rule], async (engine, proxy) => {
        await expectTruth(() => engine.inspect(subject.image.reference), {
          deadlineMs: 60_000,
          readBack: ({ imageId }) => expect(imageId).toBe(subject.image.imageId),
        });
        expect(proxy.fired(rule)).toBe(2);
      });
    });

    test.each(answers)(
      "%i and %s is not asked to change anything twice, and no registry is blamed",
      async (status, ...answer) => {
        const [, body, contentType] = answer;
        for (const name of [...changes, "pull", "save"]) {
          const { match, call } = operation(name);
          const rule: FaultRule = { match, fault: { kind: "answer", status, body, contentType } };
          await behind([rule], async (engine, proxy) => {
            const codes = name === "build" ? ["BUILD_FAILED", "ENGINE_ERROR"] : ["ENGINE_ERROR"];
            await expectFailure(() => call(engine, {}), { codes, deadlineMs: 60_000 });
            expect(proxy.fired(rule)).toBe(1);
          });
        }
      },
    );
  });

  describe.concurrent("E08 a connection that breaks before the answer", () => {
    test.each(changes)("ends %s once and for all, and nothing is made twice", async (name) => {
      const { match, call } = operation(name);
      const rule: FaultRule = { match, fault: { kind: "reset" } };
      await behind([rule], async (engine, proxy) => {
        await expectFailure(() => call(engine, {}), { codes: ["ENGINE_RESTARTED"], deadlineMs: 60_000 });
        expect(proxy.fired(rule)).toBe(1);
      });
    });

    test.each(["inspect", "list", "history"])("is not noticed by %s, a question", async (name) => {
      const { match, call } = operation(name);
      const rule: FaultRule = { match, fault: { kind: "reset" }, times: 2 };
      await behind([rule], async (engine, proxy) => {
        const before = withoutTags(await call(await connect(rig), {}));
        const readBack = (found: unknown) => void (name === "list" || expect(withoutTags(found)).toEqual(before));
        await expectTruth(() => call(engine, {}), { deadlineMs: 60_000, readBack });
        expect(proxy.fired(rule)).toBe(2);
      });
    });

    test("although a container was made leaves none behind", async () => {
      const { match, call } = operation("probe");
      await behind([{ match, fault: { kind: "cut", afterBytes: 0 } }], async (engine) => {
        await expectFailure(() => call(engine, {}), { codes: ["ENGINE_RESTARTED"], deadlineMs: 60_000 });
      });
      expect(await containersOf(rig, subject.image.imageId)).toEqual([]);
    });
  });

  describe.concurrent("a stream", () => {
    const failing = async (name: string, rule: Omit<FaultRule, "match">, codes: readonly string[], options = {}) => {
      const { match, call } = operation(name);
      let message = "";
      await behind([{ match, ...rule }], async (engine) => {
        ({ message } = await expectFailure(() => call(engine, options), { codes, deadlineMs: 30_000 }));
      });
      return message;
    };
    const told = (message: string) => JSON.stringify({ errorDetail: { message }, error: message });
    const status = '{"status":"something goes on"}';
    const terminal = /Status: |"Digest"|Digest: |digest: |Loaded image|moby\.image\.id|"aux"/;
    /** The engine's own answer without the records that say that it is done. */
    const unfinished = (body: string) =>
      body
        .split("\n")
        .filter((line) => !terminal.test(line))
        .join("\n");

    test.each([...streams, "save"])("E09 that breaks in the middle of %s is no success", async (name) => {
      await failing(name, { fault: { kind: "cut", afterBytes: 60 } }, ["ENGINE_RESTARTED"]);
    });

    test.each(streams)("E10 that ends without its last record is no success of %s", async (name) => {
      await failing(name, { fault: { kind: "replace", body: unfinished } }, ["ENGINE_PROTOCOL"]);
    });

    test("E10 that ends in the middle of an archive is no success of save", async () => {
      for (const afterBytes of [0, 300, 512, 3000]) {
        await failing("save", { fault: { kind: "end", afterBytes } }, ["ENGINE_PROTOCOL"]);
      }
    });

    test.each([
      ["cut", "ENGINE_RESTARTED"],
      ["stall", "ENGINE_TIMEOUT"],
    ] as const)("E09 E13 that is a probe's log and is %s fails the probe", async (kind, code) => {
      const deadlineMs = 8000;
      await behind([{ match: /\/logs/, fault: { kind, afterBytes: 0 } }], async (engine) => {
        const call = () => operation("probe").call(engine, { deadlineMs });
        await expectFailure(call, { codes: [code], deadlineMs });
      });
    });

    test.each([
      ["first", `${told("boom")}\n`],
      ["in the middle", `${status}\n${told("boom")}\n${status}\n`],
      ["last", `${status}\n${told("boom")}\n`],
      ["last, without a newline", `${status}\n${told("boom")}`],
    ])("E11 whose error comes %s is a failure in the engine's words", async (_where, body) => {
      for (const name of ["pull", "push", "load"]) {
        expect(await failing(name, { fault: { kind: "replace", body } }, ["ENGINE_ERROR"])).toContain("boom");
      }
    });

    test.each([
      ["a page", "<html>all is well</html>"],
      ["half a record", '{"status":"x'],
      ["zeros", "\0\0\0\0"],
      ["bytes that are no text", Buffer.from([0, 255, 254, 10, 0, 253])],
      ["a list", "[]\n"],
    ])("E12 of %s is ENGINE_PROTOCOL", async (_what, body) => {
      for (const name of streams) await failing(name, { fault: { kind: "replace", body } }, ["ENGINE_PROTOCOL"]);
    });

    test.each([...streams, "save"])(
      "E13 that stalls ends %s after the silence that the caller allows",
      async (name) => {
        const message = await failing(name, { fault: { kind: "stall", afterBytes: 30 } }, ["ENGINE_TIMEOUT"], {
          inactivityMs: 300,
        });
        expect(message).toContain("300 ms");
      },
    );

    test("E13 that stalls is let go of by save when the caller does, whatever was read", async () => {
      const rule: FaultRule = { match: operation("save").match, fault: { kind: "stall", afterBytes: 600 } };
      await behind([rule], async (engine) => {
        const controller = new AbortController();
        const call = async () => {
          const archive = await engine.save([subject.image.reference], { signal: controller.signal });
          archive.once("data", () => controller.abort());
          await finished(archive);
        };
        await expectFailure(call, { codes: ["CANCELLED"], deadlineMs: 1000 });
      });
    });

    test.each([...streams, "save", "inspect", "list"])("E13 that stalls ends %s at its deadline", async (name) => {
      await failing(name, { fault: { kind: "stall", afterBytes: 10 } }, ["ENGINE_TIMEOUT"], { deadlineMs: 1000 });
    });
  });

  describe("E19", () => {
    test("an image in use is CONFLICT, a second removal IMAGE_NOT_FOUND, and neither takes anything away", async () => {
      const used = await makeTinyImage(rig, { shell: true });
      const body = JSON.stringify({ Image: used.imageId, Cmd: ["true"] });
      const headers = { "content-type": "application/json" };
      const made = await engineRequest(host, "POST", "/containers/create", { body, headers });
      const { Id: id } = made.json() as { Id: string };
      const engine = await connect(rig);
      const remove = () => engine.remove(used.reference);
      await expectFailure(remove, { codes: ["CONFLICT"], deadlineMs: 60_000 });
      expect(await idOf(used.reference)).toBe(used.imageId);
      await engineRequest(host, "DELETE", `/containers/${id}`);
      const readBack = async () => expect(await idOf(used.reference)).toBeNull();
      await expectTruth(remove, { deadlineMs: 60_000, readBack });
      await expectFailure(remove, { codes: ["IMAGE_NOT_FOUND"], deadlineMs: 60_000 });
      await engine.close();
    });

    test("a container that is removed under us ends the probe, and is not told as a missing image", async () => {
      const busy = await makeTinyImage(rig, { shell: true, changes: ['CMD ["/bin/sh", "-c", "sleep 60"]'] });
      const engine = await connect(rig);
      const removals: Promise<unknown>[] = [];
      const onProgress = () => {
        if (removals.length > 0) return;
        const removal = containersOf(rig, busy.imageId).then((ids) =>
          Promise.all(ids.map((id) => engineRequest(host, "DELETE", `/containers/${id}?force=true`))),
        );
        removals.push(removal);
      };
      const probe = () => engine.probe(busy.reference, { port: 80, onProgress });
      await expectFailure(probe, { codes: ["ENGINE_ERROR"], deadlineMs: 60_000 });
      expect(removals).toHaveLength(1);
      await Promise.all(removals);
      expect(await containersOf(rig, busy.imageId)).toEqual([]);
      await busy.remove();
      await engine.close();
    });
  });
});

/** What is found of an image; its names are left out, because the tests beside this one give it others meanwhile. */
function withoutTags(found: unknown): unknown {
  if (typeof found !== "object" || found === null || !("tags" in found)) return found;
  const { tags: _tags, ...rest } = found;
  return rest;
}
