import type { Credential } from "./types.ts";

/** What to do about a credential that a registry does not accept, where signing in would not help; else nothing. */
export function authRemedy({ source, problem }: Credential): { readonly remedy?: string } {
  if (source === "explicit")
    return { remedy: "Correct the credential that the reference names; it goes before the docker configuration." };
  if (problem !== undefined) return { remedy: `Mend the docker configuration: ${problem}.` };
  return {};
}
