/**
 * Puts the labels of a build into the Dockerfile that is sent, for builders that take an archive.
 *
 * Those builders take labels with the request too, and do it badly: moby's puts them into the last stage, so that they
 * are lost where another one is the target, and buildah makes a step of each.
 *
 * - A1  One instruction, the last of the stage that is built: after every step that can be cached.
 * - A2  What cannot be written there for certain is left to the request.
 */
import { parseDockerfile, stageIndex } from "./dockerfile-images.ts";

/** A Dockerfile with our own instruction in it. */
export interface LabelledDockerfile {
  readonly content: string;
  /** As it stands there, and as the builder shows it. */
  readonly instruction: string;
}

/** Names that mean the same in every place of a Dockerfile. */
const PLAIN_NAME = /^[\w./-]+$/;

/** Values that fit on a line. */
const PLAIN_VALUE = /^[^\p{Cc}]*$/u;

/** moby's parser takes lines of 64 KiB at most. */
const LONGEST_INSTRUCTION = 60_000;

/** Null where the labels are to go with the request (A2). @param target as the caller names the stage */
export function appendLabels(
  content: string,
  labels: Readonly<Record<string, string>>,
  target?: string,
): LabelledDockerfile | null {
  const entries = Object.entries(labels);
  if (entries.some(([name, value]) => !PLAIN_NAME.test(name) || !PLAIN_VALUE.test(value))) return null;
  const dockerfile = parseDockerfile(content);
  const escape = dockerfile.getEscapeCharacter();
  const pairs = entries.map(([name, value]) => `"${name}"="${quoted(value, escape)}"`);
  const instruction = `LABEL ${pairs.join(" ")}`;
  const stages = dockerfile.getFROMs();
  const index = stageIndex(dockerfile, target);
  if (stages[index] === undefined || instruction.length > LONGEST_INSTRUCTION) return null;
  const lines = content.split("\n");
  const next = stages[index + 1]?.getRange().start.line ?? lines.length;
  const labelled = [...lines.slice(0, next), instruction, ...lines.slice(next), ""].join("\n");
  // A line that is continued would take the next one, ours, into itself.
  const isOneMore =
    parseDockerfile(labelled).getInstructions().length === dockerfile.getInstructions().length + 1;
  return isOneMore ? { content: labelled, instruction } : null;
}

/** Within double quotes only these have a meaning (Dockerfile reference, "Environment replacement"). */
function quoted(value: string, escape: string): string {
  return [...value].map((each) => (each === '"' || each === "$" || each === escape ? escape + each : each)).join("");
}
