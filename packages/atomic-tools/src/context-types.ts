/**
 * What the built-in tools leave for each other within a session.
 *
 * - C1  An entry holds what a later call needs as an argument, in the form in which that call takes it.
 * - C2  Of what was made, only what was read back is told: names and ids as the engine or the registry gave them.
 * - C3  What was only fetched is not taken for what was made: a base image that was pulled after a build is not pushed in
 *       the place of the build.
 */
import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import type { ConsumedContext, ProducedContext, ProducedEntry } from "@container-kit/atomic-runtime";
import { defineContextType } from "@container-kit/context-sharing";
import type { ContextType } from "@container-kit/context-sharing";
import { z } from "zod";

/** What was made stays; the source that was read changes. */
const MADE_MS = 24 * 60 * 60 * 1000;
const READ_MS = 60 * 60 * 1000;

const path = z.string().min(1).max(4096);
const reference = z.string().min(1).max(600);

const analysis = z.object({
  path,
  /** Where only one module was asked for. */
  module: path.optional(),
  modules: z.array(
    z.object({ path: z.string(), platform: z.string(), framework: z.string().nullable(), ports: z.array(z.int()) }),
  ),
});

const dockerfile = z.object({
  /** The repository. */
  path,
  /** As build_image takes them. */
  context: path,
  dockerfile: path,
  sha256: z.string(),
  strategy: z.string(),
});

const image = z.object({
  /** As push_image takes it: the tag that names a registry, where there is one. */
  reference,
  imageId: z.string(),
  tags: z.array(z.string()).optional(),
  /** The folder that it was built from. */
  context: z.string().optional(),
});

const pulledImage = z.object({ reference, imageId: z.string() });
const pushedImage = z.object({ reference, digest: z.string() });

/** The types of the entries. */
export const contextTypes: readonly ContextType[] = [
  defineContextType({ name: "analysis", schema: analysis, ttlMs: READ_MS }),
  defineContextType({ name: "dockerfile", schema: dockerfile, ttlMs: MADE_MS }),
  defineContextType({ name: "image", schema: image, ttlMs: MADE_MS }),
  defineContextType({ name: "pulled_image", schema: pulledImage, ttlMs: MADE_MS }),
  defineContextType({ name: "pushed_image", schema: pushedImage, ttlMs: MADE_MS }),
];

const MOST_MODULES = 50;

/** What analyze_repository leaves. */
export const producesAnalysis: ProducedContext = produces("analysis", (result, { path: folder, module }) => {
  const modules = (
    result["modules"] as {
      path: string;
      platform: string;
      framework: string | null;
      ports: readonly { port: number }[];
    }[]
  )
    .slice(0, MOST_MODULES)
    .map((found) => ({
      path: found.path,
      platform: found.platform,
      framework: found.framework,
      ports: found.ports.map(({ port }) => port),
    }));
  return entry(String(folder), { path: folder, module, modules });
});

/** What generate_dockerfile leaves, where the file is on disk. */
export const producesDockerfile: ProducedContext = produces("dockerfile", (result, input) => {
  const file = result["dockerfile"] as { readonly path: string; readonly sha256: string };
  const { name: strategy } = result["strategy"] as { readonly name: string };
  if (input["write"] === false && strategy !== "existing-dockerfile") return [];
  const build = result["build"] as { readonly context: string; readonly dockerfile: string };
  return entry(build.context, { path: input["path"], ...build, sha256: file.sha256, strategy });
});

/** Where a Dockerfile is built, as build_image takes it: `file` is relative to the root, as `context` is. */
export function buildArguments(root: string, context: string, file: string): { context: string; dockerfile: string } {
  return { context: join(root, context), dockerfile: relative(context, file) };
}

interface MadeImage {
  readonly reference: unknown;
  readonly imageId: unknown;
  readonly tags?: unknown;
  readonly context?: unknown;
}

/** What a tool leaves that made an image or gave it a name; nothing where there is none, as after a dry run. */
export function producesImage(
  from: (result: Readonly<Record<string, unknown>>, input: Readonly<Record<string, unknown>>) => MadeImage,
): ProducedContext {
  return produces("image", (result, input) => {
    const made = from(result, input);
    return typeof made.imageId === "string" ? entry(String(made.reference), { ...made }) : [];
  });
}

/** What pull_image leaves. */
export const producesPulled: ProducedContext = produces("pulled_image", ({ image: pulled, imageId }) =>
  typeof imageId === "string" ? entry(String(pulled), { reference: pulled, imageId }) : [],
);

/** What push_image leaves. */
export const producesPushed: ProducedContext = produces("pushed_image", ({ image: pushed, digest }) =>
  typeof digest === "string" ? entry(String(pushed), { reference: pushed, digest }) : [],
);

/** The image that a tool takes where none is named: the last one that was built or tagged. (C3) */
export function consumesImage(argument: string): readonly ConsumedContext[] {
  return [{ type: "image", fills: { [argument]: "reference" } }];
}

/** The same for a tool that sends it nowhere: where none was built or tagged, the last one that was pulled. */
export function consumesAnyImage(argument: string): readonly ConsumedContext[] {
  return [...consumesImage(argument), { type: "pulled_image", fills: { [argument]: "reference" } }];
}

function produces(type: string, from: ProducedContext["from"]): ProducedContext {
  return { type, from };
}

const LONGEST_KEY = 512;

/** A path may be longer than a key. */
function entry(key: string, value: unknown): readonly ProducedEntry[] {
  if (key.length <= LONGEST_KEY) return [{ key, value }];
  const sum = createHash("sha256").update(key).digest("hex").slice(0, 16);
  return [{ key: `…${key.slice(-(LONGEST_KEY - 32))}#${sum}`, value }];
}
