import { fail } from "../errors.ts";

const WITH_PASSWORD = /^[a-z+.-]{0,20}:\/\/[^/]{0,2000}:[^/]{0,2000}@/i;

/**
 * Neither an engine nor ssh takes a password in its address, and the address is shown wherever something goes wrong.
 *
 * @throws ENGINE_BAD_ENDPOINT without the address
 */
export function refusePassword(host: string, source: string): void {
  if (!WITH_PASSWORD.test(host)) return;
  throw fail("ENGINE_BAD_ENDPOINT", `${source} names an endpoint with a password in it`, {
    details: { source },
    remedy: "Take the password out; use TLS certificates, or a key for ssh.",
  });
}
