import { uniqueName } from "@container-kit/testkit";
import type { FaultRule } from "@container-kit/testkit";
import type { Engine } from "../src/index.ts";
import { folderOf } from "./rig.ts";

/** Without a session BuildKit is out of reach, and the context goes as an archive to the classic builder. */
export const WITHOUT_SESSION: FaultRule = {
  match: /^POST (?:\/v[\d.]+)?\/session/,
  fault: { kind: "answer", status: 404, body: '{"message":"page not found"}' },
};

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
