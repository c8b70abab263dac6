import { normalizeReference } from "../reference/normalize.ts";

/**
 * Names as docker shows them: Podman writes `docker.io/library/node:20` where docker writes `node:20`, and both write
 * `<none>` for what an image lacks.
 */
export function familiarNames(names: readonly string[]): readonly string[] {
  return names.filter((name) => !name.includes("<none>")).map(familiarName);
}

function familiarName(name: string): string {
  try {
    return normalizeReference(name).familiar;
  } catch {
    // An engine may hold a name that is none by the grammar, and it is still what the engine calls it.
    return name;
  }
}
