/**
 * References to registry credentials, as flags and the user's file give them: `[REGISTRY=]env:USER,PASSWORD` or
 * `[REGISTRY=]file:PATH`.
 *
 * - Q1  A reference is told in messages; a text that is none is not, because it may be the credential itself.
 */
import { join, resolve } from "node:path";
import { fail } from "../errors.ts";

const FORM =
  /^(?:(?<registry>(?:\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::\d{1,5})?)=)?(?:env:(?<user>[a-z_]\w*),(?<password>[a-z_]\w*)|file:(?<path>[^\n\r]+))$/i;

/** What a schema needs to refuse what is no reference, without repeating it. */
export const REFERENCE_FORM = {
  pattern: FORM,
  message: "a reference is [REGISTRY=]env:USER_VARIABLE,PASSWORD_VARIABLE or [REGISTRY=]file:PATH",
} as const;

/** One reference, taken apart. */
export interface CredentialReference {
  /** The only registry that it is for, or null. */
  readonly registry: string | null;
  readonly source: { readonly variables: readonly [string, string] } | { readonly path: string };
}

/** @throws INVALID_INPUT without the text (Q1) */
export function parseCredentialReference(text: string): CredentialReference {
  const { registry = null, user, password, path } = FORM.exec(text)?.groups ?? {};
  if (user !== undefined && password !== undefined) return { registry, source: { variables: [user, password] } };
  if (path !== undefined) return { registry, source: { path } };
  throw fail("INVALID_INPUT", "--registry-credentials was given what is no reference to credentials", {
    remedy:
      "Write [REGISTRY=]env:USER_VARIABLE,PASSWORD_VARIABLE or [REGISTRY=]file:PATH; a credential itself is never an argument.",
  });
}

/** The same reference with its file's path absolute. @throws INVALID_INPUT */
export function withAbsolutePath(text: string, folder: string, homeDirectory: string): string {
  const { registry, source } = parseCredentialReference(text);
  if (!("path" in source)) return text;
  const path = source.path.startsWith("~/") ? join(homeDirectory, source.path.slice(2)) : resolve(folder, source.path);
  return `${registry === null ? "" : `${registry}=`}file:${path}`;
}

/** One sentence for references that go to any registry that a call names, or null where there is none. */
export function warnAboutUnbound(references: readonly string[]): string | null {
  const unbound = references.filter((text) => parseCredentialReference(text).registry === null);
  if (unbound.length === 0) return null;
  return `${unbound.join(" and ")} is offered to every registry that a call names: bind it with --registry-credentials REGISTRY=${unbound[0] ?? ""}.`;
}
