/** An engine that stops, dies, fills up or is swapped while we work with it: a dockerd of the test's own. */
import { mkdtempSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  copyImage,
  describeWithDocker,
  engineRequest,
  makeTinyImage,
  startPrivateEngine,
  uniqueName,
} from "@container-kit/testkit";
import type { PrivateEngine, TinyImage } from "@container-kit/testkit";
import type { Engine, Progress } from "../src/index.ts";
import { askRegistry, connect, folderOf } from "./rig.ts";

const MEGABYTE = 1_000_000;
const TIMEOUT = { timeout: 120_000 };

describeWithDocker("an engine that goes away", (rig) => {
  let own: PrivateEngine;
  let engine: Engine;
  let large: TinyImage;
  let base: TinyImage;
  const remote = `${rig.registry.host}/${uniqueName("large")}:1`;

  const copied = (image: TinyImage) => copyImage({ from: rig.engine.host, to: own.host, reference: image.reference });
  /** Does something once a transfer has really begun; `done` is what it does, or null before. */
  const onceMoving = (act: () => Promise<void>) => {
    const trigger = {
      done: null as Promise<void> | null,
      onProgress: ({ unit, current = 0 }: Progress) => {
        if (unit === "bytes" && current > 0) trigger.done ??= act();
      },
    };
    return trigger;
  };

  beforeAll(async () => {
    own = await startPrivateEngine();
    engine = await connect(rig, { DOCKER_HOST: own.host });
    large = await makeTinyImage(rig, { sizeBytes: 150 * MEGABYTE });
    base = await makeTinyImage(rig, { shell: true });
    await (await connect(rig)).push(large.reference, { target: remote });
    await copied(base);
  }, 120_000);

  afterAll(async () => {
    await engine.close();
    await Promise.all([large.remove(), base.remove()]);
    await own.close();
  }, 60_000);

  test("and comes back between two calls is not noticed by the next, a question or a change", TIMEOUT, async () => {
    for (let restart = 1; restart <= 2; restart += 1) {
      await engine.inspect(base.reference);
      await own.stop();
      await own.start();
      expect((await engine.inspect(base.reference)).imageId).toBe(base.imageId);
      await own.kill();
      await own.start();
      expect(await engine.tag(base.reference, `again:${restart}`)).toMatchObject({ imageId: base.imageId });
    }
  });

  test("in the middle of a pull is waited for, and the pull is finished", TIMEOUT, async () => {
    const messages: string[] = [];
    const restart = onceMoving(() => own.stop().then(() => own.start()));
    const pulled = await engine.pull(remote, {
      onProgress: (progress) => {
        messages.push(progress.message);
        restart.onProgress(progress);
      },
    });
    expect(restart.done).not.toBeNull();
    await restart.done;
    expect(messages.join("\n")).toMatch(/went away/);
    const shown = await engineRequest(own.host, "GET", `/images/${remote}/json`);
    expect(JSON.parse(shown.text)).toMatchObject({ Id: pulled.imageId });
    await engine.remove(remote);
  });

  test("by kill -9 in the middle of a push is no success, and the push can be made again", TIMEOUT, async () => {
    // Of its own, so that the registry has none of its layers.
    const image = await makeTinyImage({ engine: { ...rig.engine, host: own.host } }, { sizeBytes: 150 * MEGABYTE });
    const target = `${rig.registry.host}/${uniqueName("killed")}:1`;
    const kill = onceMoving(() => own.kill());
    await expect(engine.push(image.reference, { target, onProgress: kill.onProgress })).rejects.toMatchObject({
      code: "ENGINE_RESTARTED",
      retryable: true,
    });
    expect(kill.done).not.toBeNull();
    await kill.done;
    const repository = target.slice(rig.registry.host.length + 1, -2);
    expect((await askRegistry(rig, "HEAD", `/v2/${repository}/manifests/1`)).status).toBe(404);
    await own.start();
    const { digest } = await engine.push(image.reference, { target });
    expect((await askRegistry(rig, "HEAD", `/v2/${repository}/manifests/${digest}`)).status).toBe(200);
  });

  test("by kill -9 in the middle of a build is no success, and makes no image afterwards", TIMEOUT, async () => {
    const name = `${uniqueName("killed")}:1`;
    const { folder, remove } = folderOf({ Dockerfile: `FROM ${base.reference}\nRUN echo started && sleep 3\n` });
    let killed: Promise<void> | null = null;
    await expect(
      engine.build(folder, {
        tags: [name],
        noCache: true,
        onLog: (line) => {
          if (line.includes("RUN echo started")) killed ??= sleep(500).then(() => own.kill());
        },
      }),
    ).rejects.toMatchObject({ code: "ENGINE_RESTARTED" });
    expect(killed).not.toBeNull();
    await own.start();
    await sleep(3500);
    await expect(engine.inspect(name)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    remove();
  });

  test("and stays away is ENGINE_UNAVAILABLE at once", TIMEOUT, async () => {
    await own.stop();
    await expect(engine.inspect(base.reference)).rejects.toMatchObject({ code: "ENGINE_UNAVAILABLE", retryable: true });
    await own.start();
  });

  describe("for another one at the same path", () => {
    test("is noticed, and nothing of the old one is told of the new", TIMEOUT, async () => {
      const folder = mkdtempSync(join(tmpdir(), "swap-"));
      const path = join(folder, "engine.sock");
      const point = (host: string) => symlinkSync(host.slice("unix://".length), path);
      point(rig.engine.host);
      const changes: string[] = [];
      const { connectEngine } = await import("../src/index.ts");
      const swapped = await connectEngine({
        env: { ...process.env, ...rig.environment, DOCKER_HOST: `unix://${path}` },
        onEngineChanged: (before, after) => changes.push(`${before.root} ${after.root}`),
      });
      const first = swapped.identity.root;
      await swapped.pull(remote);
      expect(await swapped.pull(remote)).toMatchObject({ freshness: "cache" });
      unlinkSync(path);
      point(own.host);
      expect(await swapped.pull(remote)).toMatchObject({ freshness: "transferred" });
      expect(changes).toEqual([`${first} ${own.dataRoot}`]);
      await swapped.close();
      rmSync(folder, { recursive: true, force: true });
    });
  });
});

describeWithDocker("an engine whose disk is full", (rig) => {
  let own: PrivateEngine;
  let engine: Engine;
  let large: TinyImage;
  const remote = `${rig.registry.host}/${uniqueName("large")}:1`;

  beforeAll(async () => {
    own = await startPrivateEngine({ dataRootMb: 24 });
    engine = await connect(rig, { DOCKER_HOST: own.host });
    large = await makeTinyImage(rig, { sizeBytes: 60 * MEGABYTE });
    await (await connect(rig)).push(large.reference, { target: remote });
  }, 120_000);

  afterAll(async () => {
    await engine.close();
    await large.remove();
    await own.close();
  }, 60_000);

  test("says so for a pull and a build, and has no image afterwards", TIMEOUT, async () => {
    await expect(engine.pull(remote)).rejects.toMatchObject({ code: "ENGINE_DISK_FULL", retryable: false });
    await expect(engine.inspect(remote)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    const { folder, remove } = folderOf({
      Dockerfile: "FROM scratch\nCOPY large /large\n",
      large: "x".repeat(60 * MEGABYTE),
    });
    const name = `${uniqueName("full")}:1`;
    await expect(engine.build(folder, { tags: [name] })).rejects.toMatchObject({ code: "ENGINE_DISK_FULL" });
    await expect(engine.inspect(name)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    remove();
  });
});
