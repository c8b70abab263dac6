/**
 * References to credentials that the caller names outright: `[REGISTRY=]env:USER_VAR,PASSWORD_VAR` or
 * `[REGISTRY=]file:PATH`. A reference says where a credential is and is no secret itself.
 *
 * - X1  One that is bound to a registry is used for exactly that host and port.
 * - X2  No message holds what was found at the place that a reference names.
 */
import { readTextFile } from "../context/read-text-file.ts";
import { fail } from "../errors.ts";
import { parseDockerConfig } from "./config-file.ts";
import { credentialEntry, readEntry } from "./entry.ts";
import type { CredentialEntry } from "./entry.ts";
import { keyMatches, registryKey, registryKeys } from "./registry-key.ts";
import type { Credential } from "./types.ts";

/** Where a credential is. */
export interface CredentialReference {
  /** `host[:port]`; without it the reference serves every registry. */
  readonly registry?: string;
  readonly from:
    | { readonly kind: "env"; readonly username: string; readonly password: string }
    | { readonly kind: "file"; readonly path: string };
}

const ENV = /^env:([A-Za-z_][A-Za-z0-9_]*),([A-Za-z_][A-Za-z0-9_]*)$/;
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?$/;
const LARGEST = 64 * 1024;

/** Reads `[REGISTRY=]env:USER_VAR,PASSWORD_VAR` or `[REGISTRY=]file:PATH`. @throws INVALID_INPUT */
export function parseCredentialReference(text: string): CredentialReference {
  const bound = /^(?:env|file):/.test(text) ? -1 : text.indexOf("=");
  const registry = bound === -1 ? undefined : text.slice(0, bound).replace(/^https?:\/\//, "");
  const place = text.slice(bound + 1);
  // The text is not repeated: whoever takes this for the credential itself writes a password here.
  if (registry !== undefined && !HOST.test(registry.split("/", 1)[0] ?? ""))
    throw invalid("the registry of a credential reference is no host or host:port");
  const binding = registry === undefined ? {} : { registry: registry.split("/", 1)[0] ?? "" };
  const env = ENV.exec(place);
  if (env !== null) return { ...binding, from: { kind: "env", username: env[1] ?? "", password: env[2] ?? "" } };
  const path = place.startsWith("file:") ? place.slice("file:".length) : "";
  if (path !== "" && !path.includes("\0")) return { ...binding, from: { kind: "file", path } };
  throw invalid("a credential reference is neither env:USER_VAR,PASSWORD_VAR nor file:PATH");
}

function invalid(message: string): Error {
  return fail("INVALID_INPUT", message, {
    remedy: "Write [REGISTRY=]env:USER_VAR,PASSWORD_VAR or [REGISTRY=]file:PATH, never the credential itself.",
  });
}

/**
 * The credential that the references name for a registry: a bound reference before an unbound one, the first of
 * several; null when none is for it.
 *
 * @throws INVALID_INPUT when the variable is not set or the file holds no credential for it
 */
export async function explicitCredential(
  registry: string,
  references: readonly CredentialReference[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Credential | null> {
  const bound = references.find((reference) => reference.registry !== undefined && isFor(reference.registry, registry));
  const reference = bound ?? references.find((candidate) => candidate.registry === undefined);
  if (reference === undefined) return null;
  const { from } = reference;
  const entry = from.kind === "env" ? fromEnvironment(from, env) : await fromFile(from.path, registry);
  const found = readEntry(entry);
  if (found === null) throw fail("INVALID_INPUT", `${placeOf(from)} holds no credential for ${registry}`);
  return { source: "explicit", serverAddress: registryKey(registry), ...found };
}

/** X1. */
function isFor(bound: string, registry: string): boolean {
  return registryKey(bound) === registryKey(registry);
}

function placeOf(from: CredentialReference["from"]): string {
  return from.kind === "env" ? `the environment (${from.username}, ${from.password})` : from.path;
}

function fromEnvironment(
  names: { readonly username: string; readonly password: string },
  env: Readonly<Record<string, string | undefined>>,
): CredentialEntry {
  const [username, password] = [names.username, names.password].map((name) => {
    const value = env[name];
    if (value !== undefined && value !== "") return value;
    throw fail("INVALID_INPUT", `the environment variable ${name} of a credential reference is not set`, {
      details: { variable: name },
      remedy: `Set ${name}, or name another variable.`,
    });
  });
  return { username, password };
}

/** `{username, password}` or `{identitytoken}`; a docker configuration is looked for first. */
const single = credentialEntry.refine((entry) => readEntry(entry) !== null);

async function fromFile(path: string, registry: string): Promise<CredentialEntry> {
  let text: string;
  try {
    text = (await readTextFile(path, LARGEST)).replace(/^\uFEFF/, "");
  } catch (cause) {
    throw fail("INVALID_INPUT", `the credential file ${path} cannot be read: ${reasonOf(cause)}`, {
      cause,
      details: { file: path },
      remedy: "Name an ordinary file of at most 64 KiB that this user may read.",
    });
  }
  const entry = text.trimStart().startsWith("{") ? fromJson(text, registry) : fromLine(text);
  if (entry !== null) return entry;
  throw fail("INVALID_INPUT", `the credential file ${path} holds no credential for ${registry}`, {
    details: { file: path, registry },
    remedy: 'Write a docker config.json, {"username", "password"} or one line user:password into it.',
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "it fails";
  return "code" in error ? String(error.code) : error.message;
}

function fromJson(text: string, registry: string): CredentialEntry | null {
  const config = parseDockerConfig(text);
  if (config !== null && Object.keys(config.auths).length > 0) return entryFor(config.auths, registry);
  try {
    return single.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

/** One line `user:password`; the line's end is not part of the password. */
function fromLine(text: string): CredentialEntry | null {
  const line = text.replace(/\r?\n$/, "");
  const colon = line.indexOf(":");
  if (colon < 1 || /[\r\n]/.test(line)) return null;
  return { username: line.slice(0, colon), password: line.slice(colon + 1) };
}

/** The entry of a docker configuration that speaks of a registry: its exact key first. */
export function entryFor(auths: Readonly<Record<string, CredentialEntry>>, registry: string): CredentialEntry | null {
  const key =
    registryKeys(registry).find((exact) => Object.hasOwn(auths, exact)) ??
    Object.keys(auths).find((candidate) => keyMatches(candidate, registry));
  return key === undefined ? null : (auths[key] ?? null);
}
