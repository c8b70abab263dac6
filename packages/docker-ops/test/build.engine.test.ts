import { execFileSync } from "node:child_process";
import { chmodSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { describeEachEngine, engineRequest, makeTinyImage, startEngineProxy, uniqueName } from "@container-kit/testkit";
import type { EngineProxy, FaultRule, TinyImage } from "@container-kit/testkit";
import type { Engine } from "../src/index.ts";
import { buildersOf } from "./build-rig.ts";
import { connect, folderOf } from "./rig.ts";

const BUILD = /^POST \/build/;

describeEachEngine("build on a real engine", (rig) => {
  let engine: Engine;
  let base: TinyImage;
  const cleanups: (() => void)[] = [];
  /** The base image's name is known before the image is made, because suites are described before they run. */
  const baseName = `${uniqueName("base")}:1`;
  const tag = () => `${uniqueName("build")}:1`;
  const context = (files: Readonly<Record<string, string>>): string => {
    const { folder, remove } = folderOf(files);
    cleanups.push(remove);
    return folder;
  };
  const exists = (image: string) =>
    engine.inspect(image).then(
      () => true,
      () => false,
    );

  beforeAll(async () => {
    engine = await connect(rig);
    base = await makeTinyImage(rig, { shell: true, reference: baseName });
  });

  afterEach(() => {
    for (const cleanup of cleanups.splice(0)) cleanup();
  });

  afterAll(() => base.remove());

  test("every tag that is claimed points to the image that was built", async () => {
    const tags = [tag(), tag(), tag()];
    const lines: string[] = [];
    const built = await engine.build(
      context({ Dockerfile: `FROM ${base.reference}\nCOPY a /a\nRUN echo built-here\nUSER 1000\n`, a: "x" }),
      { tags, labels: { who: "me" }, onLog: (line) => lines.push(line) },
    );
    expect(built).toMatchObject({ tags, context: { files: 2 }, baseImages: [], warnings: [] });
    for (const each of tags)
      expect(await engine.inspect(each)).toMatchObject({
        imageId: built.imageId,
        config: { user: "1000", labels: { who: "me" } },
      });
    expect(built.steps.map(({ instruction }) => instruction.split(" ")[0])).toEqual(
      expect.arrayContaining(["COPY", "RUN"]),
    );
    expect(lines.join("\n")).toContain("built-here");
    const again = await engine.build(
      context({ Dockerfile: `FROM ${base.reference}\nCOPY a /a\nRUN echo built-here\nUSER 1000\n`, a: "x" }),
      { tags: [tag()] },
    );
    expect(again.steps.filter(({ cached }) => cached).length).toBeGreaterThan(0);
  });

  test("arguments, target, and another Dockerfile are honoured", async () => {
    const folder = context({
      "docker/app.Dockerfile": `FROM ${base.reference} AS one\nARG WHO\nLABEL who=$WHO\nFROM one AS two\nLABEL stage=two\n`,
    });
    const name = tag();
    await engine.build(folder, {
      tags: [name],
      dockerfile: "docker/app.Dockerfile",
      target: "one",
      buildArgs: { WHO: "me" },
    });
    expect((await engine.inspect(name)).config.labels).toMatchObject({ who: "me" });
  });

  test("a base image that is mapped is replaced, said in the result and in the image", async () => {
    const [standin] = rig.standins;
    if (standin === undefined) return;
    const name = tag();
    const built = await engine.build(
      context({ Dockerfile: `# syntax=docker/dockerfile:1\nFROM ${standin.of}\nLABEL a=b\n` }),
      { tags: [name] },
    );
    expect(built.baseImages).toContainEqual({ named: standin.of, used: standin.image });
    expect(built.warnings.join()).toContain(standin.image);
    expect((await engine.inspect(name)).config.labels["io.container-kit.base-images.replaced"]).toContain(
      standin.image,
    );
  });

  describe.each(buildersOf(rig))("the context for the $name builder", ({ builder, rules }) => {
    let proxy: EngineProxy;
    let through: Engine;

    beforeAll(async () => {
      proxy = await startEngineProxy({ target: rig.engine.host, rules });
      through = await connect(rig, { DOCKER_HOST: proxy.host });
    });

    afterAll(async () => {
      for (const rule of rules) expect(proxy.fired(rule)).toBeGreaterThan(0);
      await proxy.close();
    });

    /** What `COPY . /all` put into the image: paths, and whatever their contents say. */
    const listing = async (folder: string): Promise<string> => {
      const lines: string[] = [];
      const built = await through.build(folder, { tags: [tag()], noCache: true, onLog: (line) => lines.push(line) });
      expect(built.builder).toBe(builder);
      return lines.join("\n");
    };
    const show = `FROM ${baseName}\nCOPY . /all\nRUN cd /all && find . | sort | sed 's/$/;/' && cat $(find . -type f)\n`;

    test("is what .dockerignore leaves, the Dockerfile itself included in what it may leave out", async () => {
      const log = await listing(
        context({
          Dockerfile: show,
          ".dockerignore": "secrets\n**/*.pem\n*.log\n!keep.log\nDockerfile\n.dockerignore\ndeep\n!deep/er/kept\n",
          "secrets/id_rsa": "CANARY-ONE",
          "deep/er/key.pem": "CANARY-TWO",
          "deep/er/kept": "KEPT-DEEP",
          "x.log": "CANARY-THREE",
          "keep.log": "KEPT-LOG",
        }),
      );
      expect(log).toContain("KEPT-LOG");
      expect(log).toContain("KEPT-DEEP");
      expect(log).not.toContain("CANARY");
      expect(log).toContain("./keep.log;");
      expect(log).not.toContain("./Dockerfile;");
      expect(log).not.toContain("./.dockerignore;");
    });

    test("holds a folder link that points outside as a link, and no outside byte", async () => {
      const outside = context({ passwd: "OUTSIDE-CANARY" });
      const folder = context({ Dockerfile: show, "a-file": "INSIDE" });
      symlinkSync(outside, join(folder, "door"));
      const log = await listing(folder);
      expect(log).toContain("./door;");
      expect(log).toContain("INSIDE");
      expect(log).not.toContain("OUTSIDE-CANARY");
      expect(log).not.toContain("./door/");
    });

    test("carries modes, empty files, odd names and many files", async () => {
      const many = Object.fromEntries(
        Array.from({ length: 300 }, (_, index) => [`many/a${index % 7}/f-${index}`, "x".repeat(index * 37)]),
      );
      const folder = context({
        Dockerfile: `FROM ${baseName}\nCOPY . /all\nRUN cd /all && stat -c '%a %n' run.sh && find many -type f | wc -l && cat many/*/* | wc -c && ls 'with space' && [ ! -s empty ] && echo ALL-WELL\n`,
        "run.sh": "#!/bin/sh\n",
        "with space/ü.txt": "u",
        empty: "",
        ...many,
      });
      chmodSync(join(folder, "run.sh"), 0o754);
      const log = await listing(folder);
      expect(log).toContain("754 run.sh");
      expect(log).toContain("300");
      expect(log).toContain(String((37 * 299 * 300) / 2));
      expect(log).toContain("ALL-WELL");
    });

    test("of twenty megabytes is sent without a warning of the runtime", async () => {
      const warnings: Error[] = [];
      const listen = (warning: Error) => warnings.push(warning);
      process.on("warning", listen);
      const folder = context({
        Dockerfile: `FROM ${baseName}\nCOPY . /all\nRUN wc -c < /all/large\n`,
        large: "0123456789".repeat(2_000_000),
      });
      expect(await listing(folder)).toContain("20000000");
      process.off("warning", listen);
      expect(warnings).toEqual([]);
    });

    test("that cannot be read fails the build with its own code", async () => {
      const folder = context({ Dockerfile: `FROM ${baseName}\nCOPY . /all\n` });
      execFileSync("mkfifo", [join(folder, "pipe")]);
      await expect(through.build(folder, { tags: [tag()] })).rejects.toMatchObject({
        code: "CONTEXT_INVALID",
        message: expect.stringContaining("pipe"),
      });
    });
  });

  test.each([
    ["an unknown instruction", "RUNN x", "DOCKERFILE_INVALID"],
    ["no FROM", "RUN x", "DOCKERFILE_INVALID"],
    ["nothing", "", "DOCKERFILE_INVALID"],
    ["only a comment", "# nothing\n", "DOCKERFILE_INVALID"],
    ["a base image that is nowhere", "FROM 127.0.0.1:1/nowhere:1", "BASE_IMAGE_UNAVAILABLE"],
    ["a target that is not there", "BASE", "DOCKERFILE_INVALID|BUILD_FAILED"],
    ["a COPY of a missing file", "BASE\nCOPY missing /x", "BUILD_FAILED"],
  ])("a Dockerfile with %s gets its code, and no image", async (what, text, code) => {
    const name = tag();
    const folder = context({ Dockerfile: text.replace("BASE", `FROM ${base.reference}`) });
    const target = what.includes("target") ? { target: "nope" } : {};
    await expect(engine.build(folder, { tags: [name], ...target })).rejects.toMatchObject({
      code: expect.stringMatching(new RegExp(`^(?:${code})$`)),
    });
    expect(await exists(name)).toBe(false);
  });

  test("a failing step gives its own output in logTail", async () => {
    const name = tag();
    const folder = context({ Dockerfile: `FROM ${base.reference}\nRUN echo to-stdout; echo to-stderr >&2; exit 7\n` });
    await expect(engine.build(folder, { tags: [name], noCache: true })).rejects.toMatchObject({
      code: "BUILD_FAILED",
      logTail: expect.stringMatching(/to-stdout\n?to-stderr|to-stderr\n?to-stdout/),
      message: expect.stringContaining("RUN echo"),
    });
    expect(await exists(name)).toBe(false);
  });

  test("a build that is cancelled in the middle makes no image, then or later", async () => {
    const name = tag();
    const folder = context({ Dockerfile: `FROM ${base.reference}\nRUN echo started; sleep 2; echo ${name} > /done\n` });
    const controller = new AbortController();
    const build = engine.build(folder, {
      tags: [name],
      noCache: true,
      signal: controller.signal,
      onLog: (line) => line.includes("RUN echo started") && setTimeout(() => controller.abort(), 500),
    });
    await expect(build).rejects.toMatchObject({ code: "CANCELLED" });
    await sleep(3000);
    expect(await exists(name)).toBe(false);
  });

  // An engine that answers before it has read the context may close under our upload: that is ENGINE_RESTARTED.
  test.each([
    ["ends before the image is named", { kind: "end", afterBytes: 40 }, "ENGINE_PROTOCOL"],
    ["answers with a page", { kind: "answer", status: 200, body: "<html>" }, "ENGINE_PROTOCOL|ENGINE_RESTARTED"],
    ["ends without a word", { kind: "answer", status: 200, body: "" }, "ENGINE_PROTOCOL|ENGINE_RESTARTED"],
    ["breaks", { kind: "cut", afterBytes: 40 }, "ENGINE_RESTARTED"],
    ["closes the connection", { kind: "reset" }, "ENGINE_RESTARTED"],
    [
      "says an image that it does not have",
      { kind: "answer", status: 200, body: `{"aux":{"ID":"sha256:${"b".repeat(64)}"}}\n` },
      "IMAGE_NOT_FOUND|ENGINE_RESTARTED",
    ],
  ] as const)("an engine that %s is never a success", async (_what, fault, code) => {
    const rule: FaultRule = { match: BUILD, fault };
    const proxy = await startEngineProxy({ target: rig.engine.host, rules: [rule] });
    try {
      const faulty = await connect(rig, { DOCKER_HOST: proxy.host });
      await expect(
        faulty.build(context({ Dockerfile: `FROM ${base.reference}\nLABEL x=${uniqueName()}\n` }), { tags: [tag()] }),
      ).rejects.toMatchObject({ code: expect.stringMatching(new RegExp(`^(?:${code})$`)) });
      expect(proxy.fired(rule)).toBe(1);
    } finally {
      await proxy.close();
    }
  });

  test("a probe sees an image answer, and leaves no container behind", async () => {
    const [standin] = rig.standins;
    if (standin === undefined) return;
    const name = tag();
    const code =
      "require('http').createServer((q,r)=>{r.statusCode=q.url==='/sick'?503:200;r.end('hi')}).listen(process.env.PORT)";
    const { imageId } = await engine.build(
      context({ Dockerfile: `FROM ${standin.of}\nUSER 1000\nCMD ["node","-e",${JSON.stringify(code)}]\n` }),
      { tags: [name] },
    );
    expect(await engine.probe(name, { port: 3000 })).toMatchObject({ answered: true, status: 200, user: "1000" });
    expect(await engine.probe(name, { port: 3000, path: "/sick" })).toMatchObject({ answered: false, status: 503 });
    const containers = await engineRequest(rig.engine.host, "GET", "/containers/json?all=true");
    expect(containers.status).toBe(200);
    expect(containers.text).not.toContain(imageId);
  });

  test("a probe of an image that ends tells its status and its last words", async () => {
    const name = tag();
    await engine.build(
      context({ Dockerfile: `FROM ${base.reference}\nCMD ["/bin/sh","-c","echo goodbye; exit 9"]\n` }),
      { tags: [name] },
    );
    expect(await engine.probe(name, { port: 3000 })).toMatchObject({
      answered: false,
      problem: expect.stringContaining("status 9"),
      logTail: expect.stringContaining("goodbye"),
    });
  });
});
