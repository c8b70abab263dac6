import { execFileSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { describeEachEngine, describeWithDocker, engineRequest, startEngineProxy } from "@container-kit/testkit";
import { MASK } from "@container-kit/observability";
import { connectEngine } from "../src/index.ts";
import { buildersOf, setBuildStage } from "./build-rig.ts";
import { connect } from "./rig.ts";

// Only BuildKit takes secrets from us.
describeWithDocker("build secrets on a real engine", (rig) => {
  const value = `SECRET-${randomUUID()}`;
  const env = { NPM_TOKEN: value };
  const { engine, base, context, tag } = setBuildStage(rig, env);

  /** Everything that the engine tells and keeps of an image: history, configuration, and every layer's bytes. */
  const everythingOf = async (image: string): Promise<string> => {
    const folder = context({});
    const archive = join(folder, "image.tar");
    const chunks: Buffer[] = [];
    for await (const chunk of await engine().save([image])) chunks.push(chunk as Buffer);
    writeFileSync(archive, Buffer.concat(chunks));
    const layers = execFileSync("tar", ["-xOf", archive], { maxBuffer: 256 * 1024 * 1024 }).toString("latin1");
    const { text } = await engineRequest(rig.engine.host, "GET", `/images/${image}/json`);
    const history = await engineRequest(rig.engine.host, "GET", `/images/${image}/history`);
    return layers + text + history.text;
  };

  test("a step reads the secret, and no trace of it is in the image", async () => {
    const name = tag();
    const lines: string[] = [];
    const built = await engine().build(
      context({
        Dockerfile: `FROM ${base().reference}\nRUN --mount=type=secret,id=npm,required=true wc -c < /run/secrets/npm > /size && echo READ-$(cat /size) && md5sum < /run/secrets/npm\nRUN --mount=type=secret,id=other [ ! -e /run/secrets/other ] && echo NO-OTHER\n`,
      }),
      {
        tags: [name],
        noCache: true,
        secrets: [{ id: "npm", from: "env:NPM_TOKEN" }],
        onLog: (line) => lines.push(line),
      },
    );
    expect(built.builder).toBe("buildkit");
    expect(lines.join("\n")).toContain(`READ-${value.length}`);
    expect(lines.join("\n")).toContain(createHash("md5").update(value).digest("hex"));
    expect(lines.join("\n")).toContain("NO-OTHER");
    const everything = await everythingOf(name);
    expect(everything).toContain(String(value.length));
    expect(everything).not.toContain(value);
  });

  test("a step that prints the secret is masked, what it copies is in the image, and whoever redacts has learned it", async () => {
    const learned: string[] = [];
    const listening = await connectEngine({
      env: { ...process.env, ...rig.environment, ...env },
      onSecret: (secret) => learned.push(secret.reveal()),
    });
    const name = tag();
    const lines: string[] = [];
    await listening.build(
      context({
        Dockerfile: `FROM ${base().reference}\nRUN --mount=type=secret,id=npm cp /run/secrets/npm /kept && cat /kept\n`,
      }),
      {
        tags: [name],
        noCache: true,
        secrets: [{ id: "npm", from: "env:NPM_TOKEN" }],
        onLog: (line) => lines.push(line),
      },
    );
    expect(learned).toContain(value);
    expect(lines).toContain(MASK);
    expect(lines.join("\n")).not.toContain(value);
    expect(await everythingOf(name)).toContain(value);
    await listening.close();
  });
});

describeEachEngine("secrets in what a build says", (rig) => {
  const CANARY = "CANARYVALUE123";
  const { engine, base, context, tag } = setBuildStage(rig);

  /** Everything that a build with a secret in an argument gives out. */
  async function saidBy(script: string): Promise<{ said: string; outcome: unknown }> {
    const said: unknown[] = [];
    const folder = context({ Dockerfile: `FROM ${base().reference}\nARG NPM_TOKEN\nRUN ${script}\n` });
    const outcome = await engine()
      .build(folder, {
        tags: [tag()],
        noCache: true,
        buildArgs: { NPM_TOKEN: CANARY },
        onLog: (line) => said.push(line),
        onProgress: (progress) => said.push(progress),
      })
      .catch((error: unknown) => error);
    return { said: inspect([said, outcome], { depth: 9, maxStringLength: null, maxArrayLength: null }), outcome };
  }

  test("an argument that a failing step names and prints is in no message, step, progress or log", async () => {
    const { said, outcome } = await saidBy('echo "tok=$NPM_TOKEN"; printf CANARY; sleep 0.2; printf VALUE123; exit 3');
    expect(outcome).toMatchObject({ code: "BUILD_FAILED", logTail: expect.stringContaining(`tok=${MASK}`) });
    expect(said).not.toContain(CANARY);
  });

  test("an argument that a step names and prints is in no result, and the result's ids and tags are whole", async () => {
    const { said, outcome } = await saidBy('echo "tok=$NPM_TOKEN"');
    expect(outcome).toMatchObject({ imageId: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
    expect(said).toContain(`tok=${MASK}`);
    expect(said).not.toContain(CANARY);
  });

  test("a callback whose promise rejects ends the build with that", async () => {
    const reason = new Error("disk full");
    const folder = context({ Dockerfile: `FROM ${base().reference}\nRUN sleep 1\n` });
    const rejecting = { onLog: () => Promise.reject(reason) } as object;
    await expect(engine().build(folder, { tags: [tag()], noCache: true, ...rejecting })).rejects.toBe(reason);
  });

  test("options that are missing are refused as input", async () => {
    const untyped = engine().build as unknown as (folder: string, options?: unknown) => Promise<unknown>;
    for (const options of [undefined, null, "x"])
      await expect(untyped(context({}), options)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });
});

describeEachEngine("secrets that a build cannot have", (rig) => {
  const { engine, base, context, tag } = setBuildStage(rig);

  test("a secret that a step needs and nobody gave is named in the remedy", async () => {
    const folder = context({
      Dockerfile: `FROM ${base().reference}\nRUN --mount=type=secret,id=npm,required=true cat /run/secrets/npm\n`,
    });
    await expect(engine().build(folder, { tags: [tag()], noCache: true })).rejects.toMatchObject({
      code: "BUILD_FAILED",
      remedy: expect.stringContaining("npm"),
    });
  });

  test.each(buildersOf(rig).filter(({ builder }) => builder !== "buildkit"))(
    "for the $name builder a secret is refused before anything is sent",
    async ({ rules }) => {
      const build = { match: /^POST \S*\/build/, fault: { kind: "capture" } } as const;
      const proxy = await startEngineProxy({ target: rig.engine.host, rules: [...rules, build] });
      try {
        const classic = await connect(rig, { NPM_TOKEN: "SECRET", DOCKER_HOST: proxy.host });
        const folder = context({ Dockerfile: `FROM ${base().reference}\n` });
        await expect(
          classic.build(folder, { tags: [tag()], secrets: [{ id: "npm", from: "env:NPM_TOKEN" }] }),
        ).rejects.toMatchObject({ code: "UNSUPPORTED", remedy: expect.stringContaining("docker") });
        for (const rule of rules) expect(proxy.fired(rule)).toBe(1);
        expect(proxy.fired(build)).toBe(0);
      } finally {
        await proxy.close();
      }
    },
  );
});
