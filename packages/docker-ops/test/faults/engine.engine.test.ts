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
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithEngine, engineRequest, makeTinyImage, startEngineProxy, uniqueName } from "@container-kit/testkit";
import type { EngineProxy, FaultRule, TinyImage } from "@container-kit/testkit";
import type { Engine, OperationOptions } from "../../src/index.ts";
import { askRegistry, connect, folderOf } from "../rig.ts";
import { expectFailure, expectTruth } from "./oracle.ts";

type Fault = FaultRule["fault"];

const PUSH = /^POST \/images\/[^?]*\/push/;
const CREATE = /^POST \/images\/create/;
const LOAD = /^POST \/images\/load/;
const SAVE = /^GET \/images\/get/;
const BUILD = /^POST \/build/;
const TAG = /^POST \/images\/[^?]*\/tag/;

describeWithEngine("an engine with a fault", (rig) => {
  let image: TinyImage;
  let remote: string;
  let context: { readonly folder: string; readonly remove: () => void };
  let archive: Buffer;
  const { host } = rig.engine;

  const target = () => `${rig.registry.host}/${uniqueName("fault")}:1`;
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
    image = await makeTinyImage(rig, { shell: true, changes: ['CMD ["/bin/sh", "-c", "sleep 60"]'] });
    context = folderOf({ Dockerfile: `FROM ${image.reference}\nLABEL x=${uniqueName()}\nRUN true\n` });
    remote = target();
    const engine = await connect(rig);
    await engine.push(image.reference, { target: remote });
    const small = await makeTinyImage(rig);
    archive = Buffer.from(await (await engine.save([small.reference])).toArray().then((parts) => Buffer.concat(parts)));
    await small.remove();
    await engine.close();
  });

  afterAll(async () => {
    context.remove();
    await image.remove();
  });

  /** Every operation, as it is called; what it is to leave behind when it fails is nothing. */
  const operations: Readonly<
    Record<
      string,
      { readonly match: RegExp; readonly call: (engine: Engine, options: OperationOptions) => Promise<unknown> }
    >
  > = {
    inspect: {
      match: /^GET \/images\/[^?]*\/json/,
      call: (engine, options) => engine.inspect(image.reference, options),
    },
    list: { match: /^GET \/images\/json/, call: (engine, options) => engine.list(options) },
    history: { match: /\/history/, call: (engine, options) => engine.history(image.reference, options) },
    tag: { match: TAG, call: (engine, options) => engine.tag(image.reference, `${uniqueName()}:1`, options) },
    remove: { match: /^DELETE/, call: (engine, options) => engine.remove(image.reference, options) },
    pull: { match: CREATE, call: (engine, options) => engine.pull(remote, { ...options, force: true }) },
    push: { match: PUSH, call: (engine, options) => engine.push(image.reference, { ...options, target: target() }) },
    load: { match: LOAD, call: (engine, options) => engine.load(Readable.from([archive]), options) },
    save: { match: SAVE, call: async (engine, options) => (await engine.save([image.reference], options)).toArray() },
    build: {
      match: BUILD,
      call: (engine, options) => engine.build(context.folder, { ...options, tags: [`${uniqueName()}:1`] }),
    },
    probe: {
      match: /^POST \/containers\/create/,
      call: (engine, options) => engine.probe(image.reference, { ...options, port: 80 }),
    },
  };
  const operation = (name: string) => {
    const found = operations[name];
    if (found === undefined) throw new TypeError(`there is no operation ${name}`);
    return found;
  };
  const all = Object.keys(operations);
  const changes = ["tag", "remove", "push", "load", "build", "probe"];
  const streams = ["pull", "push", "load", "build"];

  describe.concurrent("E05 an engine that accepts and never answers", () => {
    test.each(all)("ends %s at its deadline", async (name) => {
      const { match, call } = operation(name);
      const deadlineMs = 400;
      await behind([{ match, fault: { kind: "hang" } }], async (engine) => {
        await expectFailure(() => call(engine, { deadlineMs }), { codes: ["ENGINE_TIMEOUT"], deadlineMs });
      });
    });

    test.each(["push", "probe"])(
      "from the middle on ends %s at its deadline too, its own clearing up included",
      async (name) => {
        const { match, call } = operation(name);
        const deadlineMs = 400;
        const started: FaultRule =
          name === "push" ? { match, fault: { kind: "hang" } } : { match: /\/start/, fault: { kind: "hang" } };
        await behind([started, { match: /^DELETE/, fault: { kind: "hang" } }], async (engine) => {
          await expectFailure(() => call(engine, { deadlineMs }), { codes: ["ENGINE_TIMEOUT"], deadlineMs });
        });
      },
    );

    test("ends a session at the deadline of its build", async () => {
      await behind([{ match: /^POST \/session/, fault: { kind: "hang" } }], async (engine) => {
        const call = () => engine.build(context.folder, { tags: [`${uniqueName()}:1`], deadlineMs: 400 });
        await expectFailure(call, { codes: ["ENGINE_TIMEOUT"], deadlineMs: 400 });
      });
    });

    test.each([/^GET \/version/, /^GET \/info/])("to %s is no engine", async (match) => {
      const rule: FaultRule = { match, fault: { kind: "hang" } };
      const proxy = await startEngineProxy({ target: host, rules: [rule] });
      const { connectEngine } = await import("../../src/index.ts");
      const call = () => connectEngine({ host: proxy.host, connectTimeoutMs: 300 });
      await expectFailure(call, { codes: ["ENGINE_UNAVAILABLE"], deadlineMs: 300 });
      expect(proxy.fired(rule)).toBe(1);
      await proxy.close();
    });
  });

  test.concurrent("E06 an engine that answers after eight seconds is waited for", { timeout: 20_000 }, async () => {
    const slow: Fault = { kind: "slow", delayMs: 8000 };
    const name = target();
    await behind([{ match: PUSH, fault: slow }], async (engine) => {
      await expectTruth(() => engine.push(image.reference, { target: name }), {
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
        await expectTruth(() => engine.inspect(image.reference), {
          deadlineMs: 60_000,
          readBack: ({ imageId }) => expect(imageId).toBe(image.imageId),
        });
        expect(proxy.fired(rule)).toBe(2);
      });
    });

    test.each(answers)(
      "%i and %s is not asked to change anything twice, and no registry is blamed",
      async (status, ...answer) => {
        const [, body, contentType] = answer;
        for (const name of changes) {
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
        const before = await call(await connect(rig), {});
        const readBack = (found: unknown) => void (name === "list" || expect(found).toEqual(before));
        await expectTruth(() => call(engine, {}), { deadlineMs: 60_000, readBack });
        expect(proxy.fired(rule)).toBe(2);
      });
    });

    test("although a container was made leaves none behind", async () => {
      const { match, call } = operation("probe");
      await behind([{ match, fault: { kind: "cut", afterBytes: 0 } }], async (engine) => {
        await expectFailure(() => call(engine, {}), { codes: ["ENGINE_RESTARTED"], deadlineMs: 60_000 });
      });
      expect(await containersOf(image.imageId)).toEqual([]);
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

    test.each([...streams, "save", "inspect", "list"])("E13 that stalls ends %s at its deadline", async (name) => {
      await failing(name, { fault: { kind: "stall", afterBytes: 10 } }, ["ENGINE_TIMEOUT"], { deadlineMs: 400 });
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
      let removal: Promise<unknown> | null = null;
      const onProgress = () => {
        removal ??= containersOf(busy.imageId).then((ids) =>
          Promise.all(ids.map((id) => engineRequest(host, "DELETE", `/containers/${id}?force=true`))),
        );
      };
      const probe = () => engine.probe(busy.reference, { port: 80, onProgress });
      await expectFailure(probe, { codes: ["ENGINE_ERROR"], deadlineMs: 60_000 });
      expect(removal).not.toBeNull();
      await removal;
      expect(await containersOf(busy.imageId)).toEqual([]);
      await busy.remove();
      await engine.close();
    });
  });

  const containersOf = async (imageId: string): Promise<readonly string[]> => {
    const filters = encodeURIComponent(JSON.stringify({ ancestor: [imageId] }));
    const { json } = await engineRequest(host, "GET", `/containers/json?all=1&filters=${filters}`);
    return (json() as readonly { Id: string }[]).map(({ Id }) => Id);
  };
});
