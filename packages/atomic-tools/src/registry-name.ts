import { normalizeReference } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { fail } from "./errors.ts";
import { holdsUserInformation } from "./fields.ts";

/** Names of Docker Hub that people and configuration files use beside `docker.io`. */
const HUB = new Set(["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]);

/**
 * The registry that a caller means: a host with or without port, its URL, or anything of the form of an image reference
 * that begins with it.
 *
 * @returns `docker.io` or `host[:port]`, as in a normalized reference
 * @throws INVALID_INPUT without repeating what may hold a password
 */
export function readRegistry(text: string): string {
  if (holdsUserInformation(text)) {
    throw fail("INVALID_INPUT", "the registry is given with user information, and credentials are never an argument", {
      remedy: "Give the host alone; credentials come from the docker configuration or from --registry-credentials.",
    });
  }
  const [host = ""] = text
    .trim()
    .replace(/^https?:\/\//i, "")
    .split("/", 1);
  if (HUB.has(host.toLowerCase())) return "docker.io";
  try {
    // What docker itself takes for a registry; it reads a bare word as a namespace of Docker Hub.
    const { registry } = normalizeReference(`${host}/any`);
    if (registry === host) return host;
  } catch (error) {
    if (!isKitError(error, "INVALID_REFERENCE")) throw error;
  }
  throw fail("INVALID_INPUT", `${JSON.stringify(text.slice(0, 120))} names no registry`, {
    remedy: "Write it as host[:port], e.g. registry.example.com:5000, or docker.io for Docker Hub.",
  });
}

/** A repository of that registry as it is asked for there: with `library/` where Docker Hub has it, without a tag. @throws INVALID_REFERENCE */
export function readRepository(registry: string, text: string): string {
  const inside = text.startsWith(`${registry}/`) ? text.slice(registry.length + 1) : text;
  return normalizeReference(`${registry}/${inside}`).repository;
}
