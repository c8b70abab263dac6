/** What the policies are told of an act, where that shows only while the tool works. */
import type { PolicyFacts, ToolContext } from "@container-kit/atomic-runtime";
import type { Engine } from "@container-kit/docker-ops";
import { findImages, registriesOf } from "./dockerfile-images.ts";
import type { ToolServices } from "./services.ts";

type Judge = Pick<ToolContext, "allow" | "signal">;

/** An image of the engine, and what is to be done with it. */
export interface JudgedImage {
  readonly verb: "build" | "push" | "tag" | "run";
  readonly image: string;
}

/** Asks the policies about an image that the engine has. @throws POLICY_DENIED IMAGE_NOT_FOUND */
export async function judgeImage(
  { policy }: ToolServices,
  engine: Engine,
  { verb, image }: JudgedImage,
  context: Judge,
): Promise<void> {
  // Only what leaves the machine must have been scanned. No scan is known here yet, and that is told so.
  const scanned: Partial<PolicyFacts> = verb === "push" ? { severities: null } : {};
  if (policy?.looksAt("severities") ?? true) context.allow({ verb, ...scanned });
  if (policy?.looksAt("labels", "user") === false) return;
  const { config } = await engine.inspect(image, { signal: context.signal });
  context.allow({ verb, labels: config.labels, user: config.user });
}

/** A Dockerfile, and what a build is told beside it. */
export interface JudgedDockerfile {
  readonly content: string;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Images that the build may take its cache from. */
  readonly cacheFrom?: readonly string[] | undefined;
}

/** Asks the policies about the images that a build would take, and where from. @throws POLICY_DENIED */
export function judgeBuild(
  { policy, baseImages }: ToolServices,
  { content, buildArgs, cacheFrom = [] }: JudgedDockerfile,
  context: Judge,
): void {
  if (policy?.looksAt("baseImages", "registries") === false) return;
  const images = findImages(content, { buildArgs, replacements: baseImages });
  const registries = images === null ? null : [...new Set([...registriesOf(images), ...registriesOf(cacheFrom)])];
  context.allow({ verb: "build", baseImages: images, registries });
}

/** Asks the policies about the images that a Dockerfile, which is about to be written, begins with. @throws POLICY_DENIED */
export function judgeDockerfile({ policy, baseImages }: ToolServices, content: string, context: Judge): void {
  if (policy?.looksAt("baseImages") === false) return;
  context.allow({ verb: "write", baseImages: findImages(content, { replacements: baseImages }) });
}
