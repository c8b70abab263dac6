/** Pieces of schemas that several tools share. Descriptions cost tokens in every client: they say what a name does not. */
import { z } from "zod";

/** Whether a name holds a login: an `@` that begins no digest follows one. */
export function holdsUserInformation(name: string): boolean {
  return /@(?!(?:sha\d{1,3}|md5):[^@]*$)/.test(name);
}

/** What is refused here is neither recorded nor repeated. */
const named = () =>
  z
    .string()
    .min(1)
    .max(600)
    .refine(
      (text) => !holdsUserInformation(text),
      "holds user information: credentials come from the docker configuration or --registry-credentials, never as an argument",
    );

/** A reference to an image. */
export const image = named();

/** A registry, or a repository there. */
export const registryName = named();

export const texts = z.array(z.string());

/** What a dry run says instead of doing it. */
export const would = texts.optional();

/** How the engine was reached; absent from a dry run. */
export const via = z.string().optional();

export const layerCount = z.object({ total: z.int(), existing: z.int() });

export const warning = z.object({ code: z.string(), message: z.string(), file: z.string().optional() });
