import { makeTinyImage, uniqueName } from "@container-kit/testkit";
import type { FaultRule, LoadedRig, TinyImage } from "@container-kit/testkit";
import type { BuildResult, Engine } from "../src/index.ts";
import { afterAll, afterEach, beforeAll } from "vitest";
import { connect, folderOf } from "./rig.ts";

/** Without a session BuildKit is out of reach, and the context goes as an archive to the classic builder. */
export const WITHOUT_SESSION: FaultRule = {
  match: /^POST (?:\/v[\d.]+)?\/session/,
  fault: { kind: "answer", status: 404, body: '{"message":"page not found"}' },
};

/** A builder under test. */
export interface BuilderUnderTest {
  readonly name: "buildkit" | "classic" | "buildah";
  /** As a result has it. */
  readonly builder: BuildResult["builder"];
  /** What a proxy before the engine has to do for this builder to be used. */
  readonly rules: readonly FaultRule[];
}

/** The builders of the rig's engine: Docker has two, and Podman one. */
export function buildersOf({ engine }: LoadedRig): readonly BuilderUnderTest[] {
  if (engine.kind === "podman") return [{ name: "buildah", builder: "classic", rules: [] }];
  return [
    { name: "buildkit", builder: "buildkit", rules: [] },
    { name: "classic", builder: "classic", rules: [WITHOUT_SESSION] },
  ];
}

/** The labels of an image without the one that buildah gives every image that it makes. */
export async function labelsOf(engine: Engine, image: string): Promise<Readonly<Record<string, string>>> {
  const { "io.buildah.version": _buildah, ...labels } = (await engine.inspect(image)).config.labels;
  return labels;
}

/** Folders and tags of one test file's builds, all taken back by `clear`. */
export interface Workshop {
  context(files: Readonly<Record<string, string>>): string;
  tag(): string;
  clear(): Promise<void>;
}

export function createWorkshop(engine: () => Engine): Workshop {
  const folders: (() => void)[] = [];
  const tags: string[] = [];
  return {
    context: (files) => {
      const { folder, remove } = folderOf(files);
      folders.push(remove);
      return folder;
    },
    tag: () => {
      const name = `${uniqueName("build")}:1`;
      tags.push(name);
      return name;
    },
    clear: async () => {
      for (const remove of folders.splice(0)) remove();
      // A test whose build fails, as it is meant to, has left no image.
      for (const tag of tags.splice(0))
        await engine()
          .remove(tag, { force: true })
          .catch(() => {});
    },
  };
}

/** What a group of build tests works with; there from the first test to the last. */
export interface BuildStage extends Omit<Workshop, "clear"> {
  readonly engine: () => Engine;
  /** An image with a shell, to build on. */
  readonly base: () => TinyImage;
}

/** Sets the stage for the tests of the group that calls this, and clears it. */
export function setBuildStage(rig: LoadedRig, env: Readonly<Record<string, string>> = {}): BuildStage {
  let engine: Engine;
  let base: TinyImage;
  const { context, tag, clear } = createWorkshop(() => engine);

  beforeAll(async () => {
    engine = await connect(rig, env);
    base = await makeTinyImage(rig, { shell: true });
  });

  afterEach(() => clear());

  afterAll(async () => {
    await base.remove();
    await engine.close();
  });

  return { engine: () => engine, base: () => base, context, tag };
}
