/**
 * Takes what earlier test runs left in our own engine, so that it does not grow slow over days.
 *
 * - T1  Only the engine that the rig started is tidied; one that the user runs is never touched.
 * - T2  Only what is older than an hour, and of images only names that tests, proofs and benches give: a run that goes on
 *       beside this one keeps what it works with, and stand-ins stay.
 * - T3  It takes a few seconds at most. What is left then is for the next set-up.
 */
import { engineRequest } from "../engine-request.ts";
import type { RigEngine } from "../types.ts";

/** What tidying removed. */
export interface Tidied {
  readonly containers: number;
  readonly images: number;
  /** Bytes of build cache. */
  readonly cache: number;
  /** Whether there was time for all of it. */
  readonly complete: boolean;
}

/** How {@link tidyEngine} behaves. */
export interface TidyOptions {
  /** What is younger stays; an hour by default. */
  readonly olderThanMs?: number;
  /** The longest that it takes; three seconds by default. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
}

/** Names that tests, proofs and benches give: their own words, and anything in a registry on loopback. */
const OURS = /^(?:(?:testkit|chaos|bench)|(?:localhost|127\.0\.0\.1|\[::1\]):\d+)\//;

interface Round {
  readonly host: string;
  /** Milliseconds since the epoch: what was made before goes. */
  readonly before: number;
  readonly signal: AbortSignal;
}

/** Removes old containers, images of tests and build cache. Nothing happens to an engine that is not ours. */
export async function tidyEngine(engine: RigEngine, options: TidyOptions = {}): Promise<Tidied> {
  const { olderThanMs = 60 * 60_000, patienceMs = 3000 } = options;
  const found = { containers: 0, images: 0, cache: 0, complete: true };
  if (!engine.private || engine.kind !== "docker") return found;
  const patience = AbortSignal.timeout(patienceMs);
  const signal = options.signal === undefined ? patience : AbortSignal.any([options.signal, patience]);
  const seconds = `${Math.max(Math.round(olderThanMs / 1000), 0)}s`;
  const round: Round = { host: engine.host, before: Date.now() - olderThanMs, signal };
  try {
    for (const id of await oldContainers(round))
      if (await remove(round, `/containers/${id}?force=true&v=true`)) found.containers += 1;
    for (const name of await oldImages(round)) if (await remove(round, `/images/${name}`)) found.images += 1;
    await prune(round, "/images/prune", { dangling: ["true"], until: [seconds] });
    found.cache = await prune(round, "/build/prune?all=true", { until: [seconds] });
  } catch (error) {
    options.signal?.throwIfAborted();
    // An engine that is too slow to be tidied is good enough to be tested with.
    if (!patience.aborted) throw error;
    return { ...found, complete: false };
  }
  return found;
}

async function oldContainers(round: Round): Promise<readonly string[]> {
  const answer = await engineRequest(round.host, "GET", "/containers/json?all=true", { signal: round.signal });
  const containers = answer.json() as readonly { readonly Id: string; readonly Created: number }[];
  return containers.filter(({ Created }) => Created * 1000 < round.before).map(({ Id }) => Id);
}

/** The names that are ours of images that got a name last before the hour: an image may be much older than its name. */
async function oldImages(round: Round): Promise<readonly string[]> {
  const answer = await engineRequest(round.host, "GET", "/images/json", { signal: round.signal });
  const images = answer.json() as readonly { readonly Id: string; readonly RepoTags: readonly string[] | null }[];
  const names: string[] = [];
  for (const { Id, RepoTags } of images) {
    const ours = (RepoTags ?? []).filter((name) => OURS.test(name));
    if (ours.length > 0 && (await taggedAt(round, Id)) < round.before) names.push(...ours);
  }
  return names;
}

async function taggedAt({ host, signal }: Round, id: string): Promise<number> {
  const answer = await engineRequest(host, "GET", `/images/${id}/json`, { signal });
  if (answer.status !== 200) return Infinity;
  const { Metadata } = answer.json() as { readonly Metadata?: { readonly LastTagTime?: string } };
  const at = Date.parse(Metadata?.LastTagTime ?? "");
  // Go's zero time stands for never, and an unknown time for now.
  return at > 0 ? at : Infinity;
}

/** @returns the bytes that it gave back */
async function prune({ host, signal }: Round, path: string, filters: Readonly<Record<string, readonly string[]>>) {
  const query = `filters=${encodeURIComponent(JSON.stringify(filters))}`;
  const answer = await engineRequest(host, "POST", `${path}${path.includes("?") ? "&" : "?"}${query}`, { signal });
  if (answer.status !== 200) return 0;
  return (answer.json() as { readonly SpaceReclaimed?: number }).SpaceReclaimed ?? 0;
}

/** Whether it is gone by our doing; what somebody still uses, or has removed, is no trouble. */
async function remove({ host, signal }: Round, path: string): Promise<boolean> {
  const { status } = await engineRequest(host, "DELETE", path, { signal });
  return status >= 200 && status < 300;
}
