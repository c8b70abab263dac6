/** Joins paths of a source tree: `/`-separated, relative, `.` for the root. Leaves no `./` and no `..` that could be resolved. */
export function joinPath(...parts: readonly string[]): string {
  const segments: string[] = [];
  for (const segment of parts.join("/").split("/")) {
    if (segment === "" || segment === ".") continue;
    if (segment === ".." && segments.length > 0 && segments.at(-1) !== "..") segments.pop();
    else segments.push(segment);
  }
  return segments.length === 0 ? "." : segments.join("/");
}

/** The folder that holds `path`. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "." : path.slice(0, slash);
}

/** The last segment. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Whether `path` is `folder` or lies below it. */
export function isWithin(folder: string, path: string): boolean {
  return folder === "." ? !path.startsWith("../") && path !== ".." : path === folder || path.startsWith(`${folder}/`);
}

/** `path` as seen from `folder`, which holds it. */
export function relativeTo(folder: string, path: string): string {
  if (folder === ".") return path;
  return path === folder ? "." : path.slice(folder.length + 1);
}

/** How deep a path lies: 0 for an entry of the root. */
export function depthOf(path: string): number {
  let depth = 0;
  for (const character of path) if (character === "/") depth++;
  return depth;
}

/** The order of every listing: by code unit, the same on every machine. */
export function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
