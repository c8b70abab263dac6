import { realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { fail } from "../errors.ts";

/** A build context and its Dockerfile, found. */
export interface BuildContext {
  /** Absolute, with every symbolic link resolved. */
  readonly root: string;
  /** The Dockerfile's path relative to the root, with `/`. */
  readonly dockerfile: string;
}

/**
 * Finds the context and its Dockerfile, and refuses a Dockerfile outside of it.
 *
 * @throws NOT_FOUND CONTEXT_INVALID
 */
export async function resolveContext(context: string, dockerfile = "Dockerfile"): Promise<BuildContext> {
  const root = await realpath(context).catch((cause: unknown) => {
    throw fail("NOT_FOUND", `the build context ${context} does not exist`, { cause, details: { path: context } });
  });
  if (!(await stat(root)).isDirectory()) {
    throw fail("CONTEXT_INVALID", `the build context ${context} is not a folder`, {
      details: { path: context },
      remedy: "Name the folder that holds the Dockerfile.",
    });
  }
  const named = isAbsolute(dockerfile) ? dockerfile : join(root, dockerfile);
  const file = await realpath(named).catch((cause: unknown) => {
    throw fail("NOT_FOUND", `there is no Dockerfile at ${named}`, {
      cause,
      details: { path: named },
      remedy: "Write one with generate_dockerfile, or name it in `dockerfile`.",
    });
  });
  if (!(await stat(file)).isFile()) {
    throw fail("CONTEXT_INVALID", `the Dockerfile ${named} is no ordinary file`, { details: { path: named } });
  }
  const inside = relative(root, file);
  if (inside === "" || inside.startsWith("..") || isAbsolute(inside)) {
    throw fail("CONTEXT_INVALID", `the Dockerfile ${named} lies outside the build context ${context}`, {
      details: { path: named },
      remedy: "Move the Dockerfile into the context, or name a context that holds it.",
    });
  }
  return { root, dockerfile: inside.split(sep).join("/") };
}
