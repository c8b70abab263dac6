/** Reads out of a Dockerfile what is needed before the builder reads it: its images, and the names that it sets. */
import { DockerfileParser, PropertyInstruction } from "dockerfile-ast";
import type { Dockerfile, Instruction } from "dockerfile-ast";
import { expandArguments } from "./expand-arguments.ts";

/** An image, and where the Dockerfile names it; lines and characters from zero. */
export interface NamedImage {
  readonly named: string;
  readonly line: number;
  readonly start: number;
  readonly end: number;
}

/** Images of FROM, and of COPY --from where it names no stage. @throws DOCKERFILE_INVALID of {@link expandArguments} */
export function imagesOf(dockerfile: Dockerfile, values: ReadonlyMap<string, string>): readonly NamedImage[] {
  const stages = new Set<string>(["scratch"]);
  const images: NamedImage[] = [];
  for (const from of dockerfile.getFROMs()) {
    const range = from.getImageRange();
    const named = expandArguments(from.getImage() ?? "", values, lineOf(from));
    if (range !== null && named !== "" && !stages.has(named.toLowerCase())) {
      images.push({ named, line: range.start.line, start: range.start.character, end: range.end.character });
    }
    const stage = from.getBuildStage();
    if (stage !== null) stages.add(stage.toLowerCase());
  }
  for (const copy of dockerfile.getCOPYs()) {
    const flag = copy.getFromFlag();
    const named = flag?.getValue() ?? "";
    const range = flag?.getValueRange() ?? null;
    if (range === null || named === "" || stages.has(named.toLowerCase()) || /^\d+$/.test(named)) continue;
    images.push({ named, line: range.start.line, start: range.start.character, end: range.end.character });
  }
  return images;
}

/**
 * ARGs before the first FROM, as the build sets them, over those that the builder knows by itself.
 *
 * @throws DOCKERFILE_INVALID of {@link expandArguments}
 */
export function globalArguments(
  dockerfile: Dockerfile,
  buildArgs: Readonly<Record<string, string>>,
  builtin: Readonly<Record<string, string>> = {},
): ReadonlyMap<string, string> {
  const values = new Map<string, string>(Object.entries(builtin));
  for (const arg of dockerfile.getInitialARGs()) {
    const property = arg.getProperty();
    if (property === null) continue;
    const name = property.getName();
    // The caller's value is taken as it is (buildkit dockerfile2llb).
    const given = Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
    const value = given ?? property.getValue();
    if (value !== null) values.set(name, given ?? expandArguments(value, values, lineOf(arg)));
  }
  return values;
}

/** The text, parsed. */
export function parseDockerfile(content: string): Dockerfile {
  return DockerfileParser.parse(content);
}

/**
 * The image that the wanted stage stands on, through the stages that it is built from. Null where that is `scratch`, or
 * where the name depends on a value that is not known here: no name is better than a wrong one.
 *
 * @param target a stage's name or number; the last stage by default
 */
export function finalBase(dockerfile: Dockerfile, values: ReadonlyMap<string, string>, target?: string): string | null {
  const stages = stagesOf(dockerfile);
  let index = stageIndex(dockerfile, target);
  for (;;) {
    const stage = stages[index];
    if (stage === undefined || dependsOnUnknown(stage.image, values)) return null;
    const image = expandArguments(stage.image, values, stage.line);
    // A stage can only be built from one above it; of two with one name, the nearer counts.
    const above = stages.slice(0, index).findLastIndex(({ name }) => name === image.toLowerCase());
    if (above === -1) return image === "" || image.toLowerCase() === "scratch" ? null : image;
    index = above;
  }
}

/** Which stage is built, counted from zero; -1 where there is none of that name. @param target as of {@link finalBase} */
export function stageIndex(dockerfile: Dockerfile, target?: string): number {
  const stages = stagesOf(dockerfile);
  if (target === undefined) return stages.length - 1;
  if (/^\d+$/.test(target)) return Number(target);
  return stages.findLastIndex(({ name }) => name === target.toLowerCase());
}

interface Stage {
  readonly name: string | null;
  readonly image: string;
  readonly line: number;
}

function stagesOf(dockerfile: Dockerfile): readonly Stage[] {
  return dockerfile.getFROMs().map((from) => ({
    line: lineOf(from),
    name: from.getBuildStage()?.toLowerCase() ?? null,
    image: from.getImage() ?? "",
  }));
}

/** Counted from 1. */
function lineOf(instruction: Instruction): number {
  return instruction.getRange().start.line + 1;
}

function dependsOnUnknown(text: string, values: ReadonlyMap<string, string>): boolean {
  return [...text.matchAll(/\$\{?([A-Za-z_]\w*)(:-)?/g)].some(
    ([, name = "", fallback]) => fallback === undefined && (values.get(name) ?? "") === "",
  );
}

/** A name that an instruction sets; the value is null where it has none. */
export interface Setting {
  readonly name: string;
  readonly value: string | null;
}

/** What all instructions of a kind set, in order. */
export function settingsOf(dockerfile: Dockerfile, keyword: "ARG" | "ENV" | "LABEL"): readonly Setting[] {
  return dockerfile
    .getInstructions()
    .filter((instruction) => instruction instanceof PropertyInstruction)
    .filter((instruction) => instruction.getKeyword() === keyword)
    .flatMap((instruction) => instruction.getProperties())
    .map((property) => ({ name: property.getName(), value: property.getValue() }));
}
