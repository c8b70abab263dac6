/** Secrets of a build: references that were checked, and arguments that should have been one. */
import { stat } from "node:fs/promises";
import type { BuildSecret } from "@container-kit/docker-ops";
import { fail } from "../../errors.ts";
import type { ToolServices } from "../../services.ts";
import type { BuildInput } from "./schema.ts";

/**
 * The reference as docker-ops takes it: its file is one that the caller may read.
 *
 * @throws INVALID_INPUT PATH_DENIED NOT_FOUND
 */
export async function locateSecret({ id, from }: BuildSecret, services: ToolServices): Promise<BuildSecret> {
  const [, kind, place = ""] = /^(env|file):(.+)$/s.exec(from) ?? [];
  if (kind === "env") {
    if (services.environment[place] !== undefined) return { id, from };
    throw fail("INVALID_INPUT", `the secret ${id} comes from the variable ${place}, which is not set`, {
      details: { secret: id, variable: place },
      remedy: "Set the variable where the server is started, or take the secret from a file.",
    });
  }
  const path = await services.paths.resolve(place);
  if ((await stat(path)).isFile()) return { id, from: `file:${path}` };
  throw fail("INVALID_INPUT", `the secret ${id} comes from ${path}, which is no file`, {
    details: { secret: id, path },
  });
}

const SECRET_NAME = /password|passwd|secret|token|api_?key|private_?key|credential/i;

/** The values of these are masked in all that is told and kept; in the image's history they stay. */
export function secretArguments({ buildArgs = {} }: BuildInput): readonly string[] {
  return Object.keys(buildArgs).filter((name) => SECRET_NAME.test(name));
}

export function warnAboutArguments(wanted: BuildInput): string[] {
  return secretArguments(wanted).map(
    (name) => `the build argument ${name} looks like a secret, and stays readable in the image's history`,
  );
}
