/** How the docker configuration names a registry. */

const HUB = "docker.io";
const HUB_KEY = "https://index.docker.io/v1/";

/** The key under which `docker login` keeps a registry's credentials: the host with its port; Docker Hub has a URL. */
export function registryKey(registry: string): string {
  return registry === HUB || registry === "index.docker.io" || registry === "registry-1.docker.io" ? HUB_KEY : registry;
}

/** All spellings under which credentials for a registry may be kept, most exact first. */
export function registryKeys(registry: string): readonly string[] {
  const key = registryKey(registry);
  return key === HUB_KEY ? [HUB_KEY, HUB, "index.docker.io"] : [key];
}

/** The host of a key that may be a URL: `https://r.example.com/v1/` is `r.example.com`. The port stays. */
function hostOfKey(key: string): string {
  return key.replace(/^https?:\/\//, "").split("/", 1)[0] ?? "";
}

/** Whether a key of the configuration (or a helper's answer) speaks of this registry and no other host or port. */
export function keyMatches(key: string, registry: string): boolean {
  const wanted = registryKeys(registry);
  return wanted.includes(key) || wanted.some((candidate) => hostOfKey(candidate) === hostOfKey(key));
}
