/** Why a value would not come back as it was. */
export interface JsonFault {
  /** Where, as `a.b[2]`; empty for the value itself. */
  readonly path: string;
  readonly message: string;
}

const DEEPEST = 100;

/**
 * The first thing in a value that JSON would drop or change; undefined where there is none. Members that are undefined
 * count as absent. Ends early for what is larger than `limit` bytes in any case: each part and each character takes one
 * at least.
 *
 * @param depth how deep it will stand in what is kept
 */
export function findJsonFault(value: unknown, limit: number, depth = 0): JsonFault | undefined {
  const walk = { left: limit, depth };
  const fault = look(value, walk);
  // Not where it happened to be noticed: all of the value is too large.
  return walk.left < 0 ? { path: "", message: `goes beyond the ${limit} bytes that are allowed as JSON` } : fault;
}

interface Walk {
  left: number;
  depth: number;
}

function look(value: unknown, walk: Walk): JsonFault | undefined {
  walk.left -= typeof value === "string" ? value.length : 1;
  if (walk.left < 0) return { path: "", message: "is too large" };
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : { path: "", message: `is ${String(value)}, which JSON has not` };
    case "object":
      return value === null ? undefined : lookInto(value, walk);
    default:
      return { path: "", message: `is of type ${typeof value}, which JSON has not` };
  }
}

function lookInto(value: object, walk: Walk): JsonFault | undefined {
  if (walk.depth >= DEEPEST) return { path: "", message: `goes in a circle, or deeper than ${DEEPEST} levels` };
  walk.depth += 1;
  const fault = hasOwnForm(value)
    ? { path: "", message: "is an object with a class of its own, which JSON does not keep" }
    : Array.isArray(value)
      ? lookAtItems(value, walk)
      : lookAtMembers(value, walk);
  walk.depth -= 1;
  return fault;
}

function lookAtItems(items: readonly unknown[], walk: Walk): JsonFault | undefined {
  for (let index = 0; index < items.length; index += 1) {
    const fault = look(items[index], walk);
    if (fault !== undefined) return { ...fault, path: `[${index}]${dotted(fault.path)}` };
  }
  return undefined;
}

function lookAtMembers(value: object, walk: Walk): JsonFault | undefined {
  for (const name of Object.keys(value)) {
    const member = memberOf(value, name);
    if (member === undefined) continue;
    walk.left -= name.length;
    const fault = look(member, walk);
    if (fault !== undefined) return { ...fault, path: `${name.slice(0, 80)}${dotted(fault.path)}` };
  }
  return undefined;
}

function hasOwnForm(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  return !isPlain || typeof memberOf(value, "toJSON") === "function";
}

function memberOf(value: object, name: string): unknown {
  return (value as Readonly<Record<string, unknown>>)[name];
}

/** A path as it goes on behind another. */
export function dotted(path: string): string {
  return path === "" || path.startsWith("[") ? path : `.${path}`;
}
