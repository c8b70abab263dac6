import type { Credential } from "./types.ts";

/**
 * The value of `X-Registry-Auth`: JSON in padded base64url. Engine 20.10 silently drops the unpadded form and then
 * fails with "no basic auth credentials"; plain base64 breaks on `+` and `/`.
 */
export function registryAuthHeader(credential: Credential): string {
  const { username, password, identityToken, registryToken, serverAddress } = credential;
  const fields = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(identityToken === undefined ? {} : { identitytoken: identityToken.reveal() }),
    ...(registryToken === undefined ? {} : { registrytoken: registryToken.reveal() }),
    serveraddress: serverAddress,
  };
  return Buffer.from(JSON.stringify(fields)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
