/** Pieces of schemas that several tools share. Descriptions cost tokens in every client: they say what a name does not. */
import { z } from "zod";

export const image = z.string().min(1).max(600);

export const texts = z.array(z.string());

/** What a dry run says instead of doing it. */
export const would = texts.optional();

/** How the engine was reached; absent from a dry run. */
export const via = z.string().optional();

export const layerCount = z.object({ total: z.int(), existing: z.int() });

export const warning = z.object({ code: z.string(), message: z.string(), file: z.string().optional() });
