/**
 * Finds every image that a Dockerfile may have a builder take, for the policies.
 *
 * It does not read a Dockerfile as a builder does, for two builders read it differently and a file may be written to
 * deceive a third reader. It looks for all that one of them could take for an image:
 *
 * - B1  An image that a builder would use is among those that are found, or `null` is the answer: nobody knows.
 * - B2  A name counts as a stage only where every reading agrees that the stage was named above it.
 * - B3  An ARG is what the caller gives, where the ARG is certainly declared; else it may be each of its defaults.
 * - B4  The time grows with the file's length.
 */
import { normalizeReference, withDefaultTag } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";

/** What a build is told besides its Dockerfile. */
export interface DockerfileOptions {
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Images that are used in place of those that are named. */
  readonly replacements?: Readonly<Record<string, string>> | undefined;
}

/** Longer files, and more of anything than a person writes, are not looked through. */
const LONGEST = 512 * 1024;
const MOST_CHOICES = 64;
const DEEPEST = 8;

/** The canonical references of the images that the file may use, or null where one cannot be known. */
export function findImages(text: string, options: DockerfileOptions = {}): readonly string[] | null {
  // A file that begins so names its frontend in a way that is not read here.
  if (text.length > LONGEST || /^\uFEFF?\s*(?:\{|#!)/.test(text)) return null;
  const readings = readingsOf(text);
  const values = valuesOf(readings, options.buildArgs ?? {});
  const stages = readings.map(({ lines }) => stageLines(lines));
  const found = new Set<string>();
  for (const named of frontends(text, options.buildArgs ?? {})) found.add(named);
  for (const { lines } of readings) {
    for (const line of lines) {
      const choices = choicesIn(line.text, values);
      if (choices === null) return null;
      for (const choice of choices) {
        if (!isStage(choice, line.number, stages)) found.add(choice);
      }
    }
  }
  return canonicalNames(found, options.replacements ?? {});
}

/** The registries that these images come from. */
export function registriesOf(images: readonly string[]): readonly string[] {
  return [...new Set(images.map((image) => normalizeReference(image).registry))];
}

interface Line {
  /** Of the physical line that it begins with, from 0. */
  readonly number: number;
  readonly text: string;
}

interface Reading {
  readonly lines: readonly Line[];
}

/** The file line by line, and joined by each of the two characters that may continue a line. */
function readingsOf(text: string): readonly Reading[] {
  const physical = text.split(/\r\n|\n|\r/).map((line, number) => ({ number, text: line }));
  return [{ lines: physical }, { lines: joined(physical, "\\") }, { lines: joined(physical, "`") }];
}

/** Comments and empty lines do not end a continued line. */
function joined(physical: readonly Line[], escape: string): readonly Line[] {
  const lines: Line[] = [];
  let parts: string[] = [];
  let first = 0;
  for (const { number, text } of physical) {
    const isContinued = parts.length > 0;
    if (isContinued && /^\s*(?:#|$)/.test(text)) continue;
    if (!isContinued) first = number;
    const trimmed = text.trimEnd();
    const goesOn = trimmed.endsWith(escape);
    parts.push(goesOn ? trimmed.slice(0, -1) : text);
    if (goesOn) continue;
    lines.push({ number: first, text: parts.join("") });
    parts = [];
  }
  if (parts.length > 0) lines.push({ number: first, text: parts.join("") });
  return lines;
}

/** What stands after an instruction's flags; null where the line is another one. */
function argumentsOf(
  line: string,
  keyword: string,
): { readonly flags: readonly string[]; readonly words: readonly string[] } | null {
  const match = /^\s*(?:ONBUILD\s+)?([A-Za-z]+)(?:\s+(.*))?$/su.exec(line);
  if (match?.[1]?.toUpperCase() !== keyword) return null;
  const all = (match[2] ?? "").split(/\s+/).filter((word) => word !== "" && word !== "\\" && word !== "`");
  const end = all.findIndex((word) => !word.startsWith("--"));
  return end === -1 ? { flags: all, words: [] } : { flags: all.slice(0, end), words: all.slice(end) };
}

/** The names of a FROM, a COPY or ADD from elsewhere, or a RUN that mounts another image; null where one cannot be told. */
function choicesIn(line: string, values: Values): readonly string[] | null {
  const from = argumentsOf(line, "FROM");
  if (from !== null) {
    // A builder takes one word, or `image AS name`: what else begins so is a text within another instruction.
    const [name] = from.words.length === 1 || isNamed(from.words) ? from.words : [];
    const choices = name === undefined ? [] : expand(name, values, 0);
    // No FROM means a stage by its number.
    return choices?.map((choice) => (/^\d+$/.test(choice) ? `docker.io/library/${choice}` : choice)) ?? null;
  }
  for (const keyword of ["COPY", "ADD", "RUN"]) {
    const flags = argumentsOf(line, keyword)?.flags;
    if (flags === undefined) continue;
    if (!/["'\\`$]/.test(flags.join(","))) return namesInFlags(flags);
    // Quoted, so that the name may be written in many ways; in a flag no ARG is certain either.
    if (/from/i.test(line.replaceAll(/["'\\`]/g, "")) || keyword !== "RUN") return null;
  }
  return [];
}

function namesInFlags(flags: readonly string[]): readonly string[] {
  return flags.flatMap((flag) => {
    const copied = /^--from=(.*)$/is.exec(flag)?.[1];
    if (copied !== undefined) return [copied];
    const mounted = /^--mount=(.*)$/is.exec(flag)?.[1] ?? "";
    return mounted.split(",").flatMap((part) => {
      const name = /^\s*from=(.*)$/is.exec(part)?.[1];
      if (name === undefined) return [];
      // Only a COPY means a stage by its number.
      return [/^\d+$/.test(name) ? `docker.io/library/${name}` : name];
    });
  });
}

function isNamed(words: readonly string[]): boolean {
  return words.length === 3 && words[1]?.toLowerCase() === "as";
}

/** Which stages are certainly named, and from which line on. A text that a RUN hands in is none of the file's own. */
function stageLines(lines: readonly Line[]): ReadonlyMap<string, number> {
  const stages = new Map<string, number>();
  let index = 0;
  for (const { number, text } of withoutTexts(lines)) {
    const from = argumentsOf(text, "FROM");
    if (from === null || /^\s*ONBUILD/i.test(text)) continue;
    if (from.words.length !== 1 && !isNamed(from.words)) continue;
    const name = from.words[2]?.toLowerCase();
    if (name !== undefined && !stages.has(name)) stages.set(name, number);
    if (!stages.has(String(index))) stages.set(String(index), number);
    index += 1;
  }
  return stages;
}

/**
 * Leaves out whatever could be a here-document, also where it is none: it ends where every builder ends it, or later.
 */
function withoutTexts(lines: readonly Line[]): readonly Line[] {
  const kept: Line[] = [];
  let until: readonly { readonly name: string; readonly tabs: boolean }[] = [];
  for (const line of lines) {
    const [next, ...rest] = until;
    if (next !== undefined) {
      if ((next.tabs ? line.text.replace(/^\t+/, "") : line.text) === next.name) until = rest;
      continue;
    }
    kept.push(line);
    until = Array.from(line.text.matchAll(/(?<=^|\s)\d*<<(-?)(\S+)/g), ([, dash, name = ""]) => ({
      name: name.replaceAll(/["'\\]/g, ""),
      tabs: dash === "-",
    }));
  }
  return kept;
}

/** (B2) */
function isStage(name: string, line: number, readings: readonly ReadonlyMap<string, number>[]): boolean {
  const lower = name.toLowerCase();
  if (lower === "scratch") return true;
  return readings.every((stages) => (stages.get(lower) ?? Number.POSITIVE_INFINITY) < line);
}

/** What each ARG may be; null among its values: nobody knows. */
type Values = ReadonlyMap<string, readonly (string | null)[]>;

/** (B3) */
function valuesOf(readings: readonly Reading[], given: Readonly<Record<string, string>>): Values {
  const values = new Map<string, (string | null)[]>();
  for (const { lines } of readings) {
    for (const { text } of lines) {
      for (const word of argumentsOf(text, "ARG")?.words ?? []) {
        const [, name = "", , value] = /^([A-Za-z_]\w*)(=(.*))?$/s.exec(word) ?? [];
        const known = values.get(name) ?? [];
        if (name === "" || value === undefined) continue;
        const plain = /^(["']?)([^"'\\`]*)\1$/.exec(value)?.[2] ?? null;
        if (!known.includes(plain)) values.set(name, [...known, plain]);
      }
    }
  }
  const declared = readings.map(({ lines }) => declaredAtTop(lines));
  for (const [name, value] of Object.entries(given)) {
    const isCertain = declared.every((names) => names.has(name));
    values.set(name, isCertain ? [value] : [...(values.get(name) ?? []), value]);
  }
  return values;
}

function declaredAtTop(lines: readonly Line[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { text } of lines) {
    const arg = argumentsOf(text, "ARG");
    if (arg === null && !/^\s*(?:#|$)/.test(text)) break;
    for (const word of arg?.words ?? []) names.add(word.split("=", 1)[0] ?? "");
  }
  return names;
}

const VARIABLE = /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::-([^{}$]*))?\})/;

/** All that a name may come to with the ARGs put in, or null. */
function expand(text: string, values: Values, depth: number): readonly string[] | null {
  const match = VARIABLE.exec(text);
  if (match === null) return /[$"'\\`]/.test(text) ? null : [text];
  if (depth > DEEPEST) return null;
  const [whole, plain, braced = "", fallback] = match;
  const known = values.get(plain ?? braced) ?? [];
  const choices = [...known, ...(fallback === undefined ? [] : [fallback])];
  if (choices.length === 0 || choices.includes(null)) return null;
  const all = new Set<string>();
  for (const choice of choices) {
    const expanded = expand(
      text.replace(whole, () => choice ?? ""),
      values,
      depth + 1,
    );
    if (expanded === null || all.size + expanded.length > MOST_CHOICES) return null;
    for (const one of expanded) all.add(one);
  }
  return [...all];
}

/** Images that a builder runs to read the file: `# syntax=`, or what the caller names in its place. */
function frontends(text: string, given: Readonly<Record<string, string>>): readonly string[] {
  const named = Array.from(
    text.matchAll(/^[^\S\n]*(?:#|\/\/)[^\S\n]*syntax[^\S\n]*=[^\S\n]*(\S+)/gim),
    ([, image = ""]) => image,
  );
  const own = given["BUILDKIT_SYNTAX"];
  return own === undefined ? named : [...named, own];
}

function canonicalNames(
  named: ReadonlySet<string>,
  replacements: Readonly<Record<string, string>>,
): readonly string[] | null {
  const used = new Map(Object.entries(replacements).map(([from, to]) => [canonicalName(from) ?? from, to]));
  const names = new Set<string>();
  for (const name of named) {
    const canonical = canonicalName(name);
    if (canonical === null) return null;
    const replacement = used.get(canonical);
    // In place of a frontend that would be pulled: the engine's own.
    if (replacement === "builtin") continue;
    const final = replacement === undefined ? canonical : canonicalName(replacement);
    if (final === null) return null;
    names.add(final);
  }
  return [...names];
}

function canonicalName(image: string): string | null {
  try {
    return withDefaultTag(normalizeReference(image)).canonical;
  } catch (error) {
    if (isKitError(error, "INVALID_REFERENCE")) return null;
    throw error;
  }
}
