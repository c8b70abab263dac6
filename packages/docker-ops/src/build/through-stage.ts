import { parseDockerfile, stageIndex } from "./dockerfile-images.ts";

/**
 * The Dockerfile up to the end of the stage that is built, which then is the last; as it is where no stage has the
 * name.
 *
 * @param target a stage's name or number
 */
export function throughStage(content: string, target: string): string {
  const dockerfile = parseDockerfile(content);
  const next = dockerfile.getFROMs()[stageIndex(dockerfile, target) + 1];
  if (stageIndex(dockerfile, target) === -1 || next === undefined) return content;
  return content.split("\n").slice(0, next.getRange().start.line).join("\n");
}
