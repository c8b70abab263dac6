/** What a registry thinks of our credential, before anything is sent there. */
import type { LoginResult } from "@container-kit/docker-ops";
import { fail } from "./errors.ts";

const SOURCES: Readonly<Record<LoginResult["source"], string>> = {
  explicit: "--registry-credentials",
  helper: "a helper of the docker configuration",
  store: "the docker configuration's credential store",
  file: "the docker configuration",
  none: "nowhere",
};

interface Who {
  readonly source: LoginResult["source"];
  readonly username?: string | undefined;
}

/** Who we are to the registry, in words: `as ada (the docker configuration)`. */
export function describeIdentity({ source, username }: Who): string {
  if (source === "none") return "without credentials";
  return `${username === undefined ? "with a token" : `as ${username}`} (${SOURCES[source]})`;
}

/**
 * Refuses what the transfer itself would be refused for, as far as that is known. A pull without credentials is
 * refused only by a registry that tells its rights: others may let anybody read.
 *
 * @throws AUTH_FAILED for a credential that is not accepted, REGISTRY_DENIED for an action that is not granted
 */
export function requireAccess(login: LoginResult, repository: string, action: "pull" | "push"): void {
  const { registry, source, valid, reason, scopes } = login;
  const details = { registry, credentialSource: source };
  if (scopes?.some((scope) => grants(scope, repository, action)) === true) return;
  // Only a token service tells what it grants; any other registry decides when it is asked.
  if (scopes === undefined && (valid || (source === "none" && action === "pull"))) return;
  if (!valid) throw fail("AUTH_FAILED", `${registry} would not accept the ${action}: ${reason}`, { details });
  throw fail("REGISTRY_DENIED", `${registry} does not grant ${action} on ${repository}`, { details });
}

/** Whether `repository:name:pull,push` allows an action on a repository. */
function grants(scope: string, repository: string, action: string): boolean {
  const [, name, actions = ""] = /^repository:(.+):([^:]*)$/.exec(scope) ?? [];
  return name === repository && actions.split(",").some((granted) => granted === action || granted === "*");
}
