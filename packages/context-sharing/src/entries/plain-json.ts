/** Why a value would not come back as it was. */
export interface JsonFault {
  /** Where, as `a.b[2]`; empty for the value itself. */
  readonly path: string;
  readonly message: string;
}

const DEEPEST = 100;

/**
 * The first thing in a value that JSON would drop or change; undefined where there is none. Members that are undefined
 * count as absent. Ends early for what is larger than `limit` in any case: each part takes a byte at least.
 */
export function findJsonFault(value: unknown, limit: number): JsonFault | undefined {
  return look(value, { left: limit, depth: 0 });
}

interface Walk {
  left: number;
  depth: number;
}

function look(value: unknown, walk: Walk): JsonFault | undefined {
  walk.left -= 1;
  if (walk.left < 0) return { path: "", message: "has more parts than its largest size has bytes" };
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
  const fault = Array.isArray(value) ? lookAtItems(value, walk) : lookAtMembers(value, walk);
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
  const prototype: unknown = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || typeof memberOf(value, "toJSON") === "function") {
    return { path: "", message: "is an object with a class of its own, which JSON does not keep" };
  }
  for (const name of Object.keys(value)) {
    const member = memberOf(value, name);
    if (member === undefined) continue;
    const fault = look(member, walk);
    if (fault !== undefined) return { ...fault, path: `${name.slice(0, 80)}${dotted(fault.path)}` };
  }
  return undefined;
}

function memberOf(value: object, name: string): unknown {
  return (value as Readonly<Record<string, unknown>>)[name];
}

/** A path as it goes on behind another. */
export function dotted(path: string): string {
  return path === "" || path.startsWith("[") ? path : `.${path}`;
}
