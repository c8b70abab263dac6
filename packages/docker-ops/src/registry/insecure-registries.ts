const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/**
 * Whether an engine talks to a registry without TLS: loopback always (moby `registry/config.go`), others when its
 * settings list them.
 */
export function isInsecureRegistry(registry: string, secureRegistries: Readonly<Record<string, boolean>>): boolean {
  return LOOPBACK.test(registry) || secureRegistries[registry] === false;
}
