import type { Credential } from "./types.ts";

/** What to do about a credential that a registry does not accept, where signing in would not help; else nothing. */
export function authRemedy({ source, problem }: Credential): string | undefined {
  if (source === "explicit")
    return "Correct the credential that the reference names; it goes before the docker configuration.";
  if (problem !== undefined) return `Mend the docker configuration: ${problem}.`;
  return undefined;
}
