/**
 * Makes the arguments of a call of plain data with references.
 *
 * - M1  A text that is a reference as a whole, `${input.context}`, becomes what is found there, with its type. Of several,
 *       `${error.details.registry | input.target}`, the first that finds something counts. No text is ever put together.
 * - M2  A member or item whose reference finds nothing is left out. Only own members are found.
 * - M3  The member `...` spreads the object that its reference finds; the other members go before what it brings, also
 *       where they find nothing.
 * - M4  What cannot be understood is refused when the rule is loaded, never when it is needed.
 */

/** What references are looked up in, by the first word of each. */
export type Sources = Readonly<Partial<Record<Root, unknown>>>;

/** The first word of a reference. */
export type Root = "input" | "error" | "session" | "result";

const SPREAD = "...";
const SEGMENT = /^[A-Za-z0-9_][\w-]{0,99}$/;
const DEEPEST = 12;

/** Why one text of a mapping cannot be understood, and where it stands. */
export interface MappingProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** (M4) What is wrong with a mapping whose references may begin with these words. */
export function mappingProblems(mapping: unknown, roots: readonly Root[]): readonly MappingProblem[] {
  return check(mapping, { roots, path: [] });
}

interface Checking {
  readonly roots: readonly Root[];
  readonly path: readonly (string | number)[];
}

function check(value: unknown, { roots, path }: Checking): readonly MappingProblem[] {
  if (path.length > DEEPEST) return [{ path, message: `is nested more than ${DEEPEST} levels deep` }];
  if (typeof value === "string") {
    const message = textProblem(value, roots);
    return message === undefined ? [] : [{ path, message }];
  }
  if (value === null || typeof value === "boolean" || Number.isFinite(value)) return [];
  if (Array.isArray(value)) return value.flatMap((item, at) => check(item, { roots, path: [...path, at] }));
  if (typeof value !== "object" || !isPlain(value)) return [{ path, message: "is no plain JSON" }];
  return Object.entries(value).flatMap(([name, member]) => {
    const inner = [...path, name];
    if (name === SPREAD && !isReference(member))
      return [{ path: inner, message: "spreads what a reference finds, e.g. ${input}" }];
    return check(member, { roots, path: inner });
  });
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isReference(value: unknown): value is string {
  return typeof value === "string" && value.startsWith("${") && value.endsWith("}");
}

function textProblem(text: string, roots: readonly Root[]): string | undefined {
  if (!text.includes("${")) return undefined;
  if (!isReference(text) || text.indexOf("${", 1) !== -1)
    return `${JSON.stringify(text.slice(0, 80))}: a reference is a whole text, such as \${input.path}; nothing is put together`;
  for (const path of pathsOf(text)) {
    const [root = "", ...rest] = path;
    if (!roots.some((known) => known === root))
      return `a reference begins with one of ${roots.join(", ")}, and this one with ${JSON.stringify(root.slice(0, 40))}`;
    if (!rest.every((segment) => SEGMENT.test(segment)))
      return `${JSON.stringify(text.slice(0, 80))} is no path of names with dots`;
  }
  return undefined;
}

/** The paths of a reference, in the order in which they are tried. */
function pathsOf(reference: string): readonly (readonly string[])[] {
  return reference
    .slice(2, -1)
    .split("|")
    .map((path) => path.trim().split("."));
}

/** Which members of the failed call's input a mapping uses; null: all of them. */
export function inputsOf(mapping: unknown): ReadonlySet<string> | null {
  const used = new Set<string>();
  for (const [root, name] of pathsIn(mapping)) {
    if (root !== "input") continue;
    if (name === undefined) return null;
    used.add(name);
  }
  return used;
}

function pathsIn(value: unknown): readonly (readonly string[])[] {
  if (typeof value === "string") return isReference(value) ? pathsOf(value) : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap((member) => pathsIn(member));
}

/** Puts what references find in their place. @returns always an object of its own */
export function mapArguments(mapping: Readonly<Record<string, unknown>>, sources: Sources): Record<string, unknown> {
  return mapObject(mapping, sources);
}

function mapObject(mapping: object, sources: Sources): Record<string, unknown> {
  const members = Object.entries(mapping);
  const spread = members.find(([name]) => name === SPREAD)?.[1];
  const found = typeof spread === "string" ? lookUp(spread, sources) : undefined;
  // Not an object: a name may be `__proto__`. What is written out keeps the place that it has in what is spread.
  const mapped = new Map(isObject(found) ? Object.entries(found) : []);
  for (const [name, value] of members) {
    const result = name === SPREAD ? undefined : mapValue(value, sources);
    if (result !== undefined) mapped.set(name, result);
    else mapped.delete(name);
  }
  return Object.fromEntries(mapped);
}

function mapValue(value: unknown, sources: Sources): unknown {
  if (typeof value === "string") return isReference(value) ? lookUp(value, sources) : value;
  if (Array.isArray(value)) return value.map((item) => mapValue(item, sources)).filter((item) => item !== undefined);
  return isObject(value) ? mapObject(value, sources) : value;
}

/** (M1) */
function lookUp(reference: string, sources: Sources): unknown {
  for (const path of pathsOf(reference)) {
    const found = find(sources, path);
    if (found !== undefined && found !== null) return found;
  }
  return undefined;
}

/** (M2) */
function find(sources: Sources, path: readonly string[]): unknown {
  let at: unknown = sources;
  for (const segment of path) {
    if (typeof at !== "object" || at === null) return undefined;
    // A list has a `length` of its own, which is no item.
    if (Array.isArray(at) && !/^\d+$/.test(segment)) return undefined;
    if (!Object.hasOwn(at, segment)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[segment];
  }
  return at;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
