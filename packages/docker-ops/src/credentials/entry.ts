/** One credential as the docker configuration writes it (`AuthConfig` of docker/cli). */
import { Secret } from "@container-kit/observability";
import { z } from "zod";
import type { Credential } from "./types.ts";

/** Null is what is absent, as docker's decoder (Go's `encoding/json`) has it. */
export const credentialEntry = z.object({
  auth: z.string().nullish(),
  username: z.string().nullish(),
  password: z.string().nullish(),
  identitytoken: z.string().nullish(),
  registrytoken: z.string().nullish(),
});

export type CredentialEntry = z.output<typeof credentialEntry>;

/** Stands for an entry that is none: {@link isReadable} says no to it. */
export const UNREADABLE_ENTRY: CredentialEntry = { auth: "!" };

/** What an entry holds, or null where it holds no secret: `docker login` with a store leaves empty entries behind. */
export function readEntry(entry: CredentialEntry): Omit<Credential, "source" | "serverAddress"> | null {
  const decoded = entry.auth ? decodeAuth(entry.auth) : null;
  const username = decoded?.username ?? entry.username ?? "";
  const password = decoded?.password ?? entry.password ?? "";
  const holdsSomething = [password, entry.identitytoken, entry.registrytoken].some((text) => (text ?? "") !== "");
  if (!holdsSomething) return null;
  return {
    ...(username === "" ? {} : { username }),
    ...(password === "" ? {} : { password: new Secret(password) }),
    ...(entry.identitytoken ? { identityToken: new Secret(entry.identitytoken) } : {}),
    ...(entry.registrytoken ? { registryToken: new Secret(entry.registrytoken) } : {}),
  };
}

/** Whether `auth` is what docker reads: it refuses a file with another one, where we go on without that entry. */
export function isReadable({ auth }: CredentialEntry): boolean {
  return !auth || decodeAuth(auth) !== null;
}

/**
 * `user:password` in base64; only the first colon separates, and the NULs around a password go (`decodeAuth` of
 * docker/cli). Bytes that are no UTF-8 become U+FFFD, as they do on the CLI's way through JSON to the engine.
 */
function decodeAuth(auth: string): { username: string; password: string } | null {
  if (!/^[\w+/\r\n-]*={0,2}[\r\n]*$/.test(auth)) return null;
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1) return null;
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replaceAll(/^\0+|\0+$/g, "") };
}
