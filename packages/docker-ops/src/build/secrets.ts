/**
 * Reads what `RUN --mount=type=secret` may see, before the build begins.
 *
 * - Z1  A value is read once and leaves this process over the build's session only: never in a query, an argument, an
 *       environment or the context.
 * - Z2  Whoever redacts learns it first, whole and in its parts, so that a step that prints it is masked.
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { Secret } from "@container-kit/observability";
import { fail } from "../errors.ts";
import { secretParts } from "./secret-parts.ts";
import type { BuildSecret } from "./types.ts";

/** The most that BuildKit takes (buildkit session/secrets, MaxSecretSize). */
const LARGEST_SECRET = 500 * 1024;

/** A shorter line would mask ordinary text wherever it appears. */
export const SHORTEST_LEARNED = 6;

/** From a secret's id to its bytes; a function, so that nothing that prints the map prints them. */
export type ReadSecrets = ReadonlyMap<string, () => Uint8Array>;

export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly learnSecret: (secret: Secret) => void;
}

/**
 * Reads every secret of a build. A relative path is relative to the working directory of the process, as with docker.
 *
 * @throws INVALID_INPUT that names the secret, and never quotes it
 */
export async function readSecrets(
  secrets: readonly BuildSecret[],
  { env, learnSecret }: SecretSources,
): Promise<ReadSecrets> {
  const read = new Map<string, () => Uint8Array>();
  for (const [index, { id, from }] of secrets.entries()) {
    if (id === "") throw invalid(index, "id", "a build secret needs an id");
    if (read.has(id)) throw invalid(index, "id", `the build secret ${id} is given twice`);
    const bytes = await readSource({ index, id, from }, env);
    learnText(bytes.toString("utf8"), learnSecret);
    read.set(id, () => bytes);
  }
  return read;
}

interface Source {
  readonly index: number;
  readonly id: string;
  readonly from: string;
}

async function readSource({ index, id, from }: Source, env: SecretSources["env"]): Promise<Buffer> {
  const [, kind, name = ""] = /^(env|file):(.+)$/s.exec(from) ?? [];
  // What stands in `from` may be the secret itself, put there by mistake: it is not quoted.
  if (kind === undefined) throw invalid(index, "from", `the build secret ${id} must come from env:NAME or file:PATH`);
  if (kind === "file") return readSecretFile({ index, id, from: name });
  const value = env[name];
  if (value === undefined || value === "")
    throw invalid(index, "from", `the environment variable ${name} of the build secret ${id} is not set`);
  const bytes = Buffer.from(value);
  if (bytes.length > LARGEST_SECRET) throw tooLarge(index, id);
  return bytes;
}

async function readSecretFile({ index, id, from: path }: Source): Promise<Buffer> {
  try {
    // A FIFO would hold the reader for ever, also against cancellation.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile())
        throw invalid(index, "from", `the file ${path} of the build secret ${id} is no ordinary file`);
      if (stats.size > LARGEST_SECRET) throw tooLarge(index, id);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof Error && "syscall" in cause)
      throw invalid(index, "from", `the file ${path} of the build secret ${id} cannot be read`, cause);
    throw cause;
  }
}

/** Tells of a secret, whole and in its parts. */
export function learnText(text: string, learnSecret: (secret: Secret) => void): void {
  for (const part of secretParts(text)) if (part.trim().length >= SHORTEST_LEARNED) learnSecret(new Secret(part));
}

function tooLarge(index: number, id: string): Error {
  return invalid(index, "from", `the build secret ${id} is larger than ${LARGEST_SECRET} bytes`);
}

function invalid(index: number, field: string, message: string, cause?: unknown): Error {
  return fail("INVALID_INPUT", message, {
    details: { issues: [{ path: `secrets.${index}.${field}`, message }] },
    ...(cause === undefined ? {} : { cause }),
  });
}
