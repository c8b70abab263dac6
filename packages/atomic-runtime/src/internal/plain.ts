const DEEPEST = 64;

/** Why a value cannot go over the wire; `path` leads to the part that cannot. */
export interface NotPlain {
  readonly path: string;
  readonly message: string;
}

/**
 * Whether a value is plain JSON within a size, without writing the JSON: undefined when it is.
 *
 * Walks only as far as the size allows, so that a giant costs no more than the limit. The size is a close estimate of
 * the JSON text's length. A getter or a proxy trap that throws is answered, not thrown.
 */
export function whyNotPlain(value: unknown, limit: number): NotPlain | undefined {
  try {
    const walk = { left: limit, limit };
    return inspect(value, "", walk, 0);
  } catch {
    return { path: "", message: "cannot be read: a getter or a proxy threw" };
  }
}

interface Walk {
  left: number;
  readonly limit: number;
}

function inspect(value: unknown, path: string, walk: Walk, depth: number): NotPlain | undefined {
  walk.left -= typeof value === "string" ? value.length + 3 : 5;
  if (walk.left < 0) return { path: "", message: `is larger than ${walk.limit} characters of JSON` };
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : { path, message: `is ${value}, which is not JSON` };
  }
  if (typeof value !== "object") return { path, message: `is a ${typeof value}, which is not JSON` };
  if (depth > DEEPEST) return { path: "", message: `is nested deeper than ${DEEPEST} levels, or holds itself` };
  if (Array.isArray(value)) return inspectItems(value, path, walk, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    return { path, message: "is an object of a class, which is not JSON" };
  }
  for (const key of Object.keys(value)) {
    const member: unknown = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    walk.left -= key.length + 3;
    const problem = inspect(member, path === "" ? key : `${path}.${key}`, walk, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function inspectItems(items: readonly unknown[], path: string, walk: Walk, depth: number): NotPlain | undefined {
  for (let index = 0; index < items.length; index++) {
    const problem = inspect(items[index], `${path}[${index}]`, walk, depth + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
