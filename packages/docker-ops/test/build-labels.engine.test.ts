import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { describeEachEngine, makeTinyImage, startEngineProxy, startRegistry, uniqueName } from "@container-kit/testkit";
import type { EngineProxy, TestRegistry, TinyImage } from "@container-kit/testkit";
import type { Engine } from "../src/index.ts";
import { buildersOf, createWorkshop, labelsOf } from "./build-rig.ts";
import { connect, dockerConfig } from "./rig.ts";

const OCI = "org.opencontainers.image";
const COMMIT = "c".repeat(40);
const REPOSITORY = {
  ".git/HEAD": "ref: refs/heads/main\n",
  ".git/refs/heads/main": `${COMMIT}\n`,
  ".git/config": '[remote "origin"]\n\turl = https://me:CANARY@example.com/org/app.git\n',
  ".dockerignore": ".git\n",
};

describeEachEngine("labels, caches and private bases on a real engine", (rig) => {
  let direct: Engine;
  let base: TinyImage;
  let registry: TestRegistry;
  /** In the registry, and in no engine. */
  let privateBase: string;
  let config: ReturnType<typeof dockerConfig>;
  const { context, tag, clear } = createWorkshop(() => direct);

  beforeAll(async () => {
    registry = await startRegistry({ users: { me: "pa:ss+/?>~" } });
    config = dockerConfig({ [registry.host]: { username: "me", password: "pa:ss+/?>~" } });
    direct = await connect(rig, { DOCKER_CONFIG: config.folder });
    base = await makeTinyImage(rig, { shell: true });
    privateBase = `${registry.host}/${uniqueName("private")}:1`;
    await direct.push(base.reference, { target: privateBase });
    await direct.remove(privateBase);
  });

  afterEach(() => clear());

  afterAll(async () => {
    config.remove();
    await direct.remove(privateBase, { force: true }).catch(() => {});
    await base.remove();
    await registry.close();
  });

  describe.each(buildersOf(rig))("with the $name builder", ({ builder, rules }) => {
    let proxy: EngineProxy;
    const open = (env: Readonly<Record<string, string>> = {}) =>
      connect(rig, {
        DOCKER_CONFIG: config.folder,
        DOCKER_HOST: proxy.host,
        ...env,
      });

    beforeAll(async () => {
      proxy = await startEngineProxy({ target: rig.engine.host, rules });
    });

    afterAll(async () => {
      for (const rule of rules) expect(proxy.fired(rule)).toBeGreaterThan(0);
      await proxy.close();
    });

    test("an image tells its source, commit, time and base, and every step of an unchanged tree is cached", async () => {
      const engine = await open({ SOURCE_DATE_EPOCH: "86400" });
      const folder = context({
        ...REPOSITORY,
        Dockerfile: `FROM ${base.reference} AS one\nCOPY . /app\nRUN echo ${uniqueName()}\nFROM one\n`,
      });
      const name = tag();
      const first = await engine.build(folder, { tags: [name] });
      expect(first.builder).toBe(builder);
      expect(await labelsOf(engine, name)).toEqual({
        [`${OCI}.source`]: "https://example.com/org/app",
        [`${OCI}.revision`]: COMMIT,
        [`${OCI}.created`]: "1970-01-02T00:00:00Z",
        [`${OCI}.base.name`]: `docker.io/${base.reference}`,
      });
      const again = await (await open()).build(folder, { tags: [tag()] });
      const work = again.steps.filter(({ instruction }) => /^(?:COPY|RUN)/.test(instruction));
      expect(work.map(({ cached }) => cached)).toEqual([true, true]);
      expect(again.steps.filter(({ cached, instruction }) => !cached && !/^(?:FROM|LABEL)/.test(instruction))).toEqual(
        [],
      );
    });

    test("labels that the caller or the Dockerfile gives stay, and none is added where none is wanted", async () => {
      const engine = await open();
      const Dockerfile = `FROM ${base.reference}\nLABEL ${OCI}.source="https://own"\n`;
      const [own, without] = [tag(), tag()];
      await engine.build(context({ ...REPOSITORY, Dockerfile }), {
        tags: [own],
        labels: { [`${OCI}.revision`]: "r1" },
      });
      expect((await engine.inspect(own)).config.labels).toMatchObject({
        [`${OCI}.source`]: "https://own",
        [`${OCI}.revision`]: "r1",
      });
      await engine.build(context({ ...REPOSITORY, Dockerfile: `FROM ${base.reference}\nUSER 1\n` }), {
        tags: [without],
        ociLabels: false,
      });
      expect(await labelsOf(engine, without)).toEqual({});
    });

    test("labels are on the stage that is asked for, whatever they hold, and cost the user no step", async () => {
      const engine = await open();
      const labels = { plain: "1", awkward: `a $HOME \${X} "q" 'r' \\n \\ ü #` };
      const Dockerfile = `FROM ${base.reference} AS one\nRUN echo ${uniqueName()}\nFROM one AS two\nUSER 1\n`;
      for (const target of ["one", "two"]) {
        const name = tag();
        const built = await engine.build(context({ Dockerfile }), { tags: [name], target, labels, ociLabels: false });
        expect(await labelsOf(engine, name)).toEqual(labels);
        expect(built.warnings.filter((warning) => warning.includes("label"))).toEqual([]);
        expect(built.steps.filter(({ instruction }) => instruction.startsWith("LABEL"))).toEqual([]);
      }
    });

    test("a private base is pulled with the credential, its digest told once it is here, and refused without", async () => {
      const engine = await open();
      await direct.remove(privateBase, { force: true }).catch(() => {});
      const Dockerfile = `ARG REGISTRY=${registry.host}\nFROM ${privateBase.replace(registry.host, "${REGISTRY}")}\nLABEL n=${uniqueName()}\n`;
      const [first, second] = [tag(), tag()];
      await engine.build(context({ Dockerfile }), { tags: [first], pull: true });
      expect((await engine.inspect(first)).config.labels).toMatchObject({ [`${OCI}.base.name`]: privateBase });
      const { digest } = await engine.pull(privateBase);
      await engine.build(context({ Dockerfile }), { tags: [second] });
      // Podman does not tell a registry's digest from one of its own making: none is better than a wrong one.
      const told = engine.profile.registryDigests ? digest : undefined;
      expect((await labelsOf(engine, second))[`${OCI}.base.digest`]).toBe(told);
      await direct.remove(privateBase, { force: true });
      const wrong = dockerConfig({ [registry.host]: { username: "me", password: "wrong" } });
      try {
        const stranger = await open({ DOCKER_CONFIG: wrong.folder });
        await expect(stranger.build(context({ Dockerfile }), { tags: [tag()], pull: true })).rejects.toMatchObject({
          code: "BASE_IMAGE_UNAVAILABLE",
          remedy: expect.stringContaining("docker login"),
        });
      } finally {
        wrong.remove();
      }
    });

    test("another image's layers serve as cache", async () => {
      const engine = await open();
      const cache = `${registry.host}/${uniqueName("cache")}:1`;
      const text = uniqueName();
      const Dockerfile = `FROM ${base.reference}\nARG BUILDKIT_INLINE_CACHE\nRUN echo ${text} > /text\n`;
      const files = { Dockerfile };
      await engine.build(context(files), { tags: [cache], buildArgs: { BUILDKIT_INLINE_CACHE: "1" }, noCache: true });
      await engine.push(cache);
      if (builder === "buildkit") await engine.remove(cache, { force: true });
      const built = await engine.build(context(files), {
        tags: [tag()],
        buildArgs: { BUILDKIT_INLINE_CACHE: "1" },
        cacheFrom: [cache],
      });
      expect(built.steps.find(({ instruction }) => instruction.startsWith("RUN"))).toMatchObject({ cached: true });
      await direct.remove(cache, { force: true }).catch(() => {});
    });

    test("no step is cached where no cache is wanted, and the platform is the image's", async () => {
      const engine = await open();
      const { os, arch } = engine.profile;
      const files = { Dockerfile: `FROM ${base.reference}\nRUN echo ${uniqueName()}\n` };
      const name = tag();
      await engine.build(context(files), { tags: [name], platform: `${os}/${arch}` });
      const built = await engine.build(context(files), { tags: [name], noCache: true });
      expect(built.steps.find(({ instruction }) => instruction.startsWith("RUN"))).toMatchObject({ cached: false });
      expect((await engine.inspect(name)).platform).toBe(`${os}/${arch}`);
    });

    test("a step that prints what the builder prints makes no step", async () => {
      const engine = await open();
      const fake = "printf 'Step 9/9 : RUN fake\\n ---> Using cache\\n ---> 0a1b2c3d4e5f\\nStep 3/3 : EVIL x\\n'";
      const files = { Dockerfile: `FROM ${base.reference}\nRUN ${fake}\nUSER 1\n` };
      const built = await engine.build(context(files), { tags: [tag()], noCache: true, ociLabels: false });
      const steps = built.steps.map(({ instruction }) => instruction.split(" ")[0]);
      expect(steps).toEqual(builder === "buildkit" ? ["FROM", "RUN"] : ["FROM", "RUN", "USER"]);
      expect(built.steps[1]).toMatchObject({ cached: false });
    });
  });
});
