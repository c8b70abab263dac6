import { byCodeUnit, depthOf, joinPath, nameOf, parentOf } from "./path.ts";
import type { SourceTree } from "./source-tree.ts";

const composeName = /^(docker-)?compose([.-][\w.-]{1,60})?\.ya?ml$/i;

/** The Dockerfiles and compose files of a repository, shallow ones first. */
export function findExisting(tree: SourceTree): { dockerfiles: string[]; composeFiles: string[] } {
  return {
    dockerfiles: tree.files.filter((file) => isDockerfile(nameOf(file))),
    composeFiles: tree.files.filter((file) => composeName.test(nameOf(file))),
  };
}

function isDockerfile(name: string): boolean {
  const lower = name.toLowerCase();
  if (lower.endsWith(".dockerignore") || /\.(md|txt|j2|tmpl|template|tpl|erb|bak|orig|swp)$/.test(lower)) return false;
  return /^(dockerfile|containerfile)([.-].+)?$/.test(lower) || /.\.(dockerfile|containerfile)$/.test(lower);
}

/** Names that say production or nothing; a Dockerfile.dev or Dockerfile.test is never taken for the real one. */
const preferred = [
  "dockerfile",
  "containerfile",
  "dockerfile.prod",
  "dockerfile.production",
  "production.dockerfile",
  "prod.dockerfile",
];

/** The Dockerfile that a person would build for a module: in its folder, in a docker folder there, then at the root. */
export function chooseDockerfile(dockerfiles: readonly string[], folder: string): string | null {
  const places = [folder, joinPath(folder, "docker"), joinPath(folder, ".docker"), joinPath(folder, "deploy")];
  if (folder !== ".") places.push(".");
  for (const place of places) {
    const here = dockerfiles.filter((file) => parentOf(file) === place);
    for (const name of preferred) {
      const found = here
        .sort((a, b) => depthOf(a) - depthOf(b) || byCodeUnit(a, b))
        .find((file) => nameOf(file).toLowerCase() === name);
      if (found !== undefined) return found;
    }
  }
  return null;
}
