import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithEngine } from "@container-kit/testkit";
import { isKitError } from "@container-kit/errors";
import { readIgnoreRules } from "../src/context/ignore.ts";
import { packContext } from "../src/context/pack.ts";
import { readArchive, startDockerCli } from "./docker-cli.ts";
import type { ArchiveEntry, DockerCli } from "./docker-cli.ts";
import { makeContext, randomContext } from "./random-context.ts";

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

describeWithEngine("the archive beside the docker CLI's", () => {
  let cli: DockerCli;

  beforeAll(async () => {
    cli = await startDockerCli();
  });

  afterAll(() => cli.close());

  test(
    "a random tree with a random ignore file is sent entry for entry as the docker CLI sends it",
    async () => {
      let [sent, refused] = [0, 0];
      await fc.assert(
        fc.asyncProperty(randomContext, async (context) => {
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
