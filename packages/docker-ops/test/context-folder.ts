import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { afterEach, beforeEach } from "vitest";
import { readIgnoreRules } from "../src/context/ignore.ts";
import type { IgnoreRules } from "../src/context/ignore.ts";
import { packContext } from "../src/context/pack.ts";

/** A build context of each test's own, with room around it for what lies outside. */
export interface ContextFolder {
  /** The folder around the context. */
  readonly base: () => string;
  /** The context itself. */
  readonly root: () => string;
  /** Writes a file, and the folders on its way; gives its path. The name is from the base on: `context/Dockerfile`. */
  readonly put: (name: string, content: string) => Promise<string>;
  /** What is left out of the context, by its ignore file. */
  readonly rules: (options?: { readonly keepBuilderFiles: boolean }) => Promise<IgnoreRules>;
  /** The context as the archive that an engine gets. */
  readonly pack: (replacements?: ReadonlyMap<string, string>) => Promise<Readable>;
}

/** Makes the folder before each test of the file, and removes it after. */
export function useContextFolder(): ContextFolder {
  let base = "";
  const root = () => join(base, "context");
  const { signal } = new AbortController();

  beforeEach(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), "context-")));
    await mkdir(root());
  });

  afterEach(() => rm(base, { recursive: true, force: true }));

  const rules: ContextFolder["rules"] = (options = { keepBuilderFiles: true }) =>
    readIgnoreRules(root(), "Dockerfile", options);
  return {
    base: () => base,
    root,
    rules,
    put: async (name, content) => {
      const file = join(base, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
      return file;
    },
    pack: async (replacements) =>
      packContext({
        root: root(),
        rules: await rules(),
        signal,
        ...(replacements === undefined ? {} : { replacements }),
      }),
  };
}

/** Everything that a stream holds. @throws what the stream throws */
export async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
