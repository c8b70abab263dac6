import { isIP } from "node:net";

/**
 * Whether a token service is the registry's own: on its host and port, or over TLS on a host of the same registered
 * domain. Addresses have no domain.
 */
export function belongsTo(realm: URL, registry: URL): boolean {
  if (realm.host === registry.host) return true;
  if (realm.protocol !== "https:" || isIP(realm.hostname) !== 0 || realm.hostname.startsWith("[")) return false;
  const domain = registeredDomain(registry.hostname);
  return domain !== null && domain === registeredDomain(realm.hostname);
}

/** What registries of country domains keep for their own subdivisions. */
const BELOW_COUNTRIES: ReadonlySet<string> = new Set(
  "ac co com edu gen go gob gouv gov gv id ind info int ltd me mil ne net nom or org plc sch web".split(" "),
);

/**
 * The part of a name that somebody has registered: its last two labels, and three below a country's suffix such as
 * `co.uk`. Null where there are not so many.
 */
function registeredDomain(host: string): string | null {
  const labels = host.split(".");
  const [second = "", top = ""] = labels.slice(-2);
  const wanted = top.length === 2 && BELOW_COUNTRIES.has(second) ? 3 : 2;
  return labels.length < wanted ? null : labels.slice(-wanted).join(".");
}
