/**
 * References to registry credentials, as flags and the user's file give them. A text that is no reference is never
 * repeated: it may be the credential itself.
 */
import { join, resolve } from "node:path";
import { parseCredentialReference } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";

/** Whether the text is a reference, for schemas, which refuse it in words of their own. */
export function isCredentialReference(text: string): boolean {
  try {
    parseCredentialReference(text);
    return true;
  } catch (error) {
    if (isKitError(error, "INVALID_INPUT")) return false;
    throw error;
  }
}

/** The same reference with its file's path absolute. @throws INVALID_INPUT */
export function withAbsolutePath(text: string, folder: string, homeDirectory: string): string {
  const { registry, from } = parseCredentialReference(text);
  if (from.kind === "env") return text;
  const path = from.path.startsWith("~/") ? join(homeDirectory, from.path.slice(2)) : resolve(folder, from.path);
  return `${registry === undefined ? "" : `${registry}=`}file:${path}`;
}

/** One sentence for references that go to any registry that a call names, or null where there is none. */
export function warnAboutUnbound(references: readonly string[]): string | null {
  const unbound = references.filter((text) => parseCredentialReference(text).registry === undefined);
  if (unbound.length === 0) return null;
  return `${unbound.join(" and ")} is offered to every registry that a call names: bind it with --registry-credentials REGISTRY=${unbound[0] ?? ""}.`;
}
