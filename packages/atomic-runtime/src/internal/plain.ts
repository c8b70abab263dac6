const DEEPEST = 64;

/** Why a value cannot go over the wire; `path` leads to the part that cannot. */
export interface NotPlain {
  readonly path: string;
  readonly message: string;
}

/** A copy of a value in plain JSON, or why there is none. */
export type Plain =
  | { readonly value: unknown; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: NotPlain };

/**
 * Copies a value that is plain JSON within a size, without writing the JSON.
 *
 * - P1  Each part is read once. What a getter, a proxy or a hidden `toJSON` would say the next time is not asked: what was
 *       checked is what goes on.
 * - P2  It walks only as far as the size allows, so that a giant costs no more than the limit. The size is a close
 *       estimate of the JSON text's length.
 * - P3  What throws while it is read is answered, not thrown.
 */
export function readPlain(value: unknown, limit: number): Plain {
  try {
    return { value: copy(value, { left: limit, limit, path: [] }) };
  } catch (thrown) {
    if (thrown instanceof Refused) return { problem: thrown.why };
    return { problem: { path: "", message: "cannot be read: a getter or a proxy threw" } };
  }
}

/** Why a value is not plain JSON within a size; undefined when it is. */
export function whyNotPlain(value: unknown, limit: number): NotPlain | undefined {
  return readPlain(value, limit).problem;
}

interface Walk {
  left: number;
  readonly limit: number;
  /** Where the walk is. */
  readonly path: (string | number)[];
}

/** Ends the walk. */
class Refused extends Error {
  readonly why: NotPlain;

  constructor(message: string, path: Walk["path"] = []) {
    super(message);
    this.why = { path: describePath(path), message };
  }
}

function copy(value: unknown, walk: Walk): unknown {
  walk.left -= typeof value === "string" ? value.length + 3 : 5;
  if (walk.left < 0) throw new Refused(`is larger than ${walk.limit} characters of JSON`);
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (Number.isFinite(value)) return value;
    throw new Refused(`is ${value}, which is not JSON`, walk.path);
  }
  if (typeof value !== "object") throw new Refused(`is a ${typeof value}, which is not JSON`, walk.path);
  if (walk.path.length > DEEPEST) throw new Refused(`is nested deeper than ${DEEPEST} levels, or holds itself`);
  return Array.isArray(value) ? copyItems(value, walk) : copyMembers(value, walk);
}

function copyMembers(value: object, walk: Walk): Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    throw new Refused("is an object of a class, which is not JSON", walk.path);
  }
  const copied: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const member: unknown = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    walk.left -= key.length + 3;
    walk.path.push(key);
    const own = copy(member, walk);
    walk.path.pop();
    // An assignment to this one name would change the prototype.
    if (key === "__proto__") Object.defineProperty(copied, key, { value: own, enumerable: true });
    else copied[key] = own;
  }
  return copied;
}

function copyItems(items: readonly unknown[], walk: Walk): unknown[] {
  const copied: unknown[] = [];
  for (let index = 0; index < items.length; index++) {
    walk.path.push(index);
    copied.push(copy(items[index], walk));
    walk.path.pop();
  }
  return copied;
}

function describePath(path: Walk["path"]): string {
  return path.map((step, at) => (typeof step === "number" ? `[${step}]` : `${at === 0 ? "" : "."}${step}`)).join("");
}
