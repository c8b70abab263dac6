/** What a build would do and what would stop it, as far as that is known before its first step. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { resolveContext } from "@container-kit/docker-ops";
import type { Engine } from "@container-kit/docker-ops";
import { validateDockerfile } from "@container-kit/build-strategy";
import { fail } from "../../errors.ts";
import type { BuildInput, BuildOutput } from "./schema.ts";
import { warnAboutArguments } from "./secrets.ts";

/** @throws DOCKERFILE_INVALID CONTEXT_INVALID NOT_FOUND UNSUPPORTED */
export async function planBuild(folder: string, wanted: BuildInput, { profile }: Engine): Promise<BuildOutput> {
  const { dockerfile } = await resolveContext(folder, wanted.dockerfile);
  checkDockerfile(await readFile(join(folder, dockerfile), "utf8"), wanted.target);
  const builder = profile.buildkit ? "buildkit" : "classic";
  if (builder === "classic" && (wanted.secrets?.length ?? 0) > 0) {
    throw fail("UNSUPPORTED", "this engine has no BuildKit, and build secrets need it", {
      remedy: "Use an engine with BuildKit; do not pass a secret in buildArgs instead, it would stay in the image.",
    });
  }
  return {
    imageId: null,
    tags: [],
    size: 0,
    layers: 0,
    steps: [],
    warnings: warnAboutArguments(wanted),
    baseImages: [],
    builder,
    log: null,
    would: [`build ${join(folder, dockerfile)} with ${builder} and tag it ${wanted.tags.join(", ")}`],
  };
}

/** What the builder would refuse before its first step. @throws DOCKERFILE_INVALID */
function checkDockerfile(content: string, target: string | undefined): void {
  const { valid, findings, stages } = validateDockerfile(content);
  const first = findings.find(({ severity }) => severity === "error");
  if (!valid && first !== undefined) {
    throw fail(
      "DOCKERFILE_INVALID",
      `the Dockerfile is not valid: line ${first.line}, column ${first.column}: ${first.message}`,
      {
        details: { line: first.line, column: first.column },
      },
    );
  }
  if (
    target !== undefined &&
    !stages.some(({ name, index }) => name?.toLowerCase() === target.toLowerCase() || String(index) === target)
  ) {
    throw fail("DOCKERFILE_INVALID", `the Dockerfile has no stage ${target}`, { details: { target } });
  }
}
