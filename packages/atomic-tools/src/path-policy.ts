/**
 * Decides which folders the tools may read and write.
 *
 * - F1  Paths are compared after every symbolic link is resolved, so that a link cannot lead out.
 * - F2  What lies outside is refused before it is said whether it exists.
 * - F3  For a person at a terminal, who typed the path, everything is allowed but the folders that hold a system or
 *       its secrets: nobody means to put those into an image.
 */
import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fail } from "./errors.ts";

/** Resolves paths that a caller gave, or refuses them. */
export interface PathPolicy {
  /** What may be read, for a person; empty where no list is kept. */
  readonly roots: readonly string[];
  /**
   * The path with every symbolic link resolved.
   *
   * @throws PATH_DENIED NOT_FOUND
   */
  resolve(path: string): Promise<string>;
}

/** What a path policy allows. */
export interface PathPolicyOptions {
  /** Folders that may be read and written, with all that is below. */
  readonly roots?: readonly string[];
  /** The paths were typed by the person who runs the program; `roots` then only adds to what is allowed. */
  readonly terminal?: boolean;
  /** Where relative paths start; the working directory by default. */
  readonly base?: string;
  /** The home folder, whose secret folders are refused; the user's by default. */
  readonly home?: string;
}

const SYSTEM_FOLDERS = ["/etc", "/proc", "/sys", "/dev", "/run", "/var/run", "/boot"];
const SECRET_FOLDERS = [".ssh", ".gnupg", ".aws", ".azure", ".docker", ".kube", ".config/gcloud"];

/** Makes the rule that decides which paths tools may touch. */
export function createPathPolicy({
  roots = [],
  terminal = false,
  base = process.cwd(),
  home = homedir(),
}: PathPolicyOptions): PathPolicy {
  const absolute = roots.map((root) => resolve(base, root));
  const refused = [...SYSTEM_FOLDERS, ...SECRET_FOLDERS.map((folder) => join(home, folder))];

  const isAllowed = (path: string, resolvedRoots: readonly string[]): boolean => {
    if (resolvedRoots.some((root) => isInside(path, root))) return true;
    if (!terminal) return false;
    // A folder that contains a refused one is refused too: the walk would go down into it.
    return !refused.some((folder) => isInside(path, folder) || isInside(folder, path));
  };

  const denied = (path: string) =>
    fail(
      "PATH_DENIED",
      terminal
        ? `${path} holds the system or its secrets`
        : `${path} lies outside the folders that this server may read`,
      {
        details: { path, roots: absolute },
        ...(absolute.length > 0 || terminal
          ? {}
          : { remedy: "Start the server with --root DIR for each folder that it may read." }),
      },
    );

  return {
    roots: absolute,
    resolve: async (path) => {
      const wanted = resolve(base, path);
      const resolvedRoots = await Promise.all(absolute.map(resolveExisting));
      // The nearest part that exists decides about a path that does not.
      if (!isAllowed(await resolveExisting(wanted), resolvedRoots)) throw denied(wanted);
      return realpath(wanted).catch((cause: unknown) => {
        throw fail("NOT_FOUND", `${wanted} does not exist`, { cause, details: { path: wanted } });
      });
    },
  };
}

/** The path with the links of its existing part resolved. */
async function resolveExisting(path: string): Promise<string> {
  const missing: string[] = [];
  for (let current = path; ; current = dirname(current)) {
    const real = await realpath(current).catch(() => null);
    if (real !== null) return join(real, ...missing);
    if (current === dirname(current)) return path;
    missing.unshift(relative(dirname(current), current));
  }
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!way.startsWith("..") && !isAbsolute(way));
}
