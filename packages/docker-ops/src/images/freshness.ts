/** What registries said lately about which digest a tag has, so that they need not be asked at every pull. */
export interface FreshnessCache {
  /** The digest that was told within the lifetime, or null. Counts a hit or a miss. */
  find(reference: string): string | null;
  remember(reference: string, digest: string): void;
  forget(reference: string): void;
  clear(): void;
  readonly counts: { readonly hits: number; readonly misses: number };
}

/** Half an hour, in milliseconds. */
const LIFETIME_MS = 30 * 60_000;
/** More references than one process pulls in half an hour. */
const LARGEST = 10_000;

export interface FreshnessOptions {
  readonly lifetimeMs?: number;
  readonly now?: () => number;
}

/** @param options the clock must not go back: `performance.now` by default */
export function createFreshnessCache({
  lifetimeMs = LIFETIME_MS,
  now = () => performance.now(),
}: FreshnessOptions = {}): FreshnessCache {
  const known = new Map<string, { digest: string; until: number }>();
  const counts = { hits: 0, misses: 0 };
  return {
    find: (reference) => {
      const entry = known.get(reference);
      if (entry !== undefined && entry.until > now()) {
        counts.hits += 1;
        return entry.digest;
      }
      known.delete(reference);
      counts.misses += 1;
      return null;
    },
    remember: (reference, digest) => {
      known.delete(reference);
      known.set(reference, { digest, until: now() + lifetimeMs });
      const oldest = known.size > LARGEST ? known.keys().next().value : undefined;
      if (oldest !== undefined) known.delete(oldest);
    },
    forget: (reference) => void known.delete(reference),
    clear: () => known.clear(),
    counts,
  };
}
