/**
 * Names of registries and images as the rules compare them.
 *
 * - N1  One registry has one name: hosts are compared in lower case and without the dot of a full domain name, and all
 *       names of Docker Hub are `docker.io`.
 * - N2  A pattern may be as short as docker's own names: `node:*` is `docker.io/library/node:*`.
 * - N3  A pattern without a tag means the repository, whatever tag or digest follows.
 * - N4  In doubt a name is not allowed, and is denied: a denied tag stays denied where a digest is written behind it, a
 *       denied host where a port is.
 */
import { compileGlob } from "./glob.ts";

type Test = (text: string) => boolean;

/** Which names a rule lets pass. */
export interface NameTest {
  /** Whether the name may pass. */
  passes(name: string): boolean;
  /** What would pass, for a person. */
  readonly allowed: readonly string[];
}

/** Lists of patterns; what is denied stays denied though it is allowed too. No `allow`: everything else is. */
export interface NameLists {
  readonly allow?: readonly string[] | undefined;
  readonly deny?: readonly string[] | undefined;
}

const HUB = new Set(["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]);

/** The test of registries: `docker.io`, `host[:port]`. */
export function testRegistries(lists: NameLists): NameTest {
  const deny = (lists.deny ?? []).map((pattern) => compileGlob(hostOf(pattern)));
  return testNames(lists, {
    canonical: hostOf,
    allow: lists.allow?.map((pattern) => compileGlob(hostOf(pattern))),
    // (N4)
    denies: (host) => [host, host.replace(/:\d+$/, "")].some((form) => deny.some((test) => test(form))),
  });
}

/** The test of images, by their canonical references. */
export function testImages(lists: NameLists): NameTest {
  const deny = (lists.deny ?? []).map(imagePattern);
  return testNames(lists, {
    canonical: withHost,
    allow: lists.allow?.map(imagePattern),
    // (N4)
    denies: (image) => [image, image.replace(/@[^@]*$/, "")].some((form) => deny.some((test) => test(form))),
  });
}

interface Tests {
  readonly canonical: (text: string) => string;
  readonly allow: readonly Test[] | undefined;
  readonly denies: Test;
}

function testNames(lists: NameLists, { canonical, allow, denies }: Tests): NameTest {
  return {
    passes: (text) => {
      const name = canonical(text);
      return !denies(name) && (allow === undefined || allow.some((test) => test(name)));
    },
    allowed: [...(lists.allow ?? []), ...(lists.deny ?? []).map((pattern) => `not ${pattern}`)],
  };
}

/** (N3) */
function imagePattern(text: string): Test {
  const pattern = fullPattern(text.trim());
  const repository = compileGlob(pattern);
  const last = pattern.slice(pattern.lastIndexOf("/") + 1);
  if (/[:@]/.test(last)) return repository;
  const tagged = compileGlob(`${pattern}:**`);
  const pinned = compileGlob(`${pattern}@**`);
  return (name) => repository(name) || tagged(name) || pinned(name);
}

/** (N2) */
function fullPattern(pattern: string): string {
  if (pattern.startsWith("**")) return pattern;
  const slash = pattern.indexOf("/");
  if (slash === -1) return `docker.io/library/${pattern}`;
  const first = pattern.slice(0, slash);
  const isHost = /[.:]/.test(first) || first === "*" || first.toLowerCase() === "localhost";
  return isHost ? withHost(pattern) : `docker.io/${pattern}`;
}

/** (N1) */
function withHost(name: string): string {
  const slash = name.indexOf("/");
  return slash === -1 ? name : `${hostOf(name.slice(0, slash))}${name.slice(slash)}`;
}

/** (N1) */
function hostOf(text: string): string {
  const host = text
    .trim()
    .toLowerCase()
    .replace(/\.(?=:\d+$|$)/, "");
  return HUB.has(host.replace(/:443$/, "")) ? "docker.io" : host;
}
