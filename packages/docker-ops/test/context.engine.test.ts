import { utimesSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, asyncProperty } from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  describeEachEngine,
  describeWithDocker,
  engineRequest,
  makeTinyImage,
  startEngineProxy,
  uniqueName,
} from "@container-kit/testkit";
import { isKitError } from "@container-kit/errors";
import { readIgnoreRules } from "../src/context/ignore.ts";
import { packContext } from "../src/context/pack.ts";
import { buildersOf } from "./build-rig.ts";
import { readArchive, startDockerCli } from "./docker-cli.ts";
import type { ArchiveEntry, DockerCli } from "./docker-cli.ts";
import { makeContext, randomContext } from "./random-context.ts";
import { connect, folderOf } from "./rig.ts";

/** `pnpm chaos` asks for more. */
const TREES = Number(process.env["CONTAINER_KIT_CHAOS"] ?? 25);

async function weSend(root: string, dockerfile: string): Promise<ArchiveEntry[] | null> {
  try {
    const rules = await readIgnoreRules(root, dockerfile, { keepBuilderFiles: true });
    return await readArchive(packContext({ root, rules, signal: new AbortController().signal }));
  } catch (error) {
    if (isKitError(error, "CONTEXT_INVALID")) return null;
    throw error;
  }
}

describeWithDocker("the archive beside the docker CLI's", () => {
  let cli: DockerCli;

  beforeAll(async () => {
    cli = await startDockerCli();
  });

  afterAll(() => cli.close());

  test(
    "a random tree with a random ignore file is sent entry for entry as the docker CLI sends it",
    async () => {
      let [sent, refused] = [0, 0];
      await assert(
        asyncProperty(randomContext, async (context) => {
          const root = await realpath(await mkdtemp(join(tmpdir(), "context-")));
          try {
            await makeContext(root, context);
            const theirs = await cli.send(root, context.dockerfile);
            expect(await weSend(root, context.dockerfile)).toEqual(theirs);
            if (theirs === null) refused += 1;
            else sent += 1;
          } finally {
            await rm(root, { recursive: true, force: true });
          }
        }),
        { numRuns: TREES },
      );
      expect(sent).toBeGreaterThan(refused);
    },
    30_000 + TREES * 2_000,
  );
});

describeEachEngine("a context that did not change", (rig) => {
  test.each(buildersOf(rig))("is fully cached by the $name builder, touched or not", async ({ builder, rules }) => {
    const proxy = await startEngineProxy({ target: rig.engine.host, rules });
    const base = await makeTinyImage(rig, { shell: true });
    const Dockerfile = `FROM ${base.reference}\nCOPY . /all\nRUN echo ${uniqueName()}\n`;
    const { folder, remove } = folderOf({ Dockerfile, "a/b": "content", c: uniqueName() });
    const tag = `${uniqueName("cached")}:1`;
    try {
      const engine = await connect(rig, { DOCKER_HOST: proxy.host });
      // Labels tell when the image was made, which would differ.
      const build = () => engine.build(folder, { tags: [tag], ociLabels: false });
      const first = await build();
      expect(first.builder).toBe(builder);
      expect(first.steps.every(({ cached }) => cached)).toBe(false);
      for (const path of ["a/b", "c", "a"]) utimesSync(join(folder, path), 1_500_000_000, 1_500_000_000);
      const second = await build();
      expect(second.imageId).toBe(first.imageId);
      const copies = (built: typeof first) =>
        built.steps.filter(({ instruction }) => /COPY|RUN/.test(instruction)).map(({ cached }) => cached);
      expect(copies(second)).toEqual([true, true]);
      writeFileSync(join(folder, "c"), uniqueName());
      expect(copies(await build())).toEqual([false, false]);
      await engine.close();
    } finally {
      remove();
      await engineRequest(rig.engine.host, "DELETE", `/images/${tag}?force=true`);
      await base.remove();
      await proxy.close();
    }
  });
});
