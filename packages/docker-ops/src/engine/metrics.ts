/** The operations that are counted. */
export type OperationName =
  | "pull"
  | "push"
  | "tag"
  | "build"
  | "inspect"
  | "list"
  | "remove"
  | "history"
  | "save"
  | "load"
  | "probe"
  | "login"
  | "digest"
  | "ping";

/** What the calls of one operation came to. */
export interface OperationMetrics {
  readonly count: number;
  readonly errors: number;
  /** Milliseconds, over the last calls that are kept. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  /** Bytes that were transferred. */
  readonly bytes: number;
  /** Calls that were answered, and not, from what was known already: fresh pulls, cached build steps. */
  readonly cacheHits: number;
  readonly cacheMisses: number;
}

/** What a connection has done: only operations that were called are in it. */
export type EngineMetrics = Readonly<Partial<Record<OperationName, OperationMetrics>>>;

/** What one call brought beside its time. */
export interface CallFigures {
  readonly bytes?: number;
  readonly cacheHits?: number;
  readonly cacheMisses?: number;
}

/** Counts the calls of one connection. */
export interface MetricsRecorder {
  /** Runs a call and counts it, whichever way it ends. */
  measure<Result>(
    operation: OperationName,
    run: () => Promise<Result>,
    figures?: (result: Result) => CallFigures,
  ): Promise<Result>;
  snapshot(): EngineMetrics;
}

/** The percentiles are over so many of the last calls of an operation. */
const KEPT = 1024;

interface Counter {
  count: number;
  errors: number;
  bytes: number;
  cacheHits: number;
  cacheMisses: number;
  readonly durations: number[];
}

export function createMetricsRecorder(now: () => number = () => performance.now()): MetricsRecorder {
  const counters = new Map<OperationName, Counter>();
  const counterOf = (operation: OperationName): Counter => {
    const known = counters.get(operation);
    if (known !== undefined) return known;
    const fresh = { count: 0, errors: 0, bytes: 0, cacheHits: 0, cacheMisses: 0, durations: [] };
    counters.set(operation, fresh);
    return fresh;
  };
  return {
    measure: async (operation, run, figures) => {
      const counter = counterOf(operation);
      const startedAt = now();
      try {
        const result = await run();
        const { bytes = 0, cacheHits = 0, cacheMisses = 0 } = figures?.(result) ?? {};
        counter.bytes += bytes;
        counter.cacheHits += cacheHits;
        counter.cacheMisses += cacheMisses;
        return result;
      } catch (error) {
        counter.errors += 1;
        throw error;
      } finally {
        counter.durations[counter.count % KEPT] = now() - startedAt;
        counter.count += 1;
      }
    },
    snapshot: () => Object.fromEntries([...counters].map(([name, counter]) => [name, toMetrics(counter)])),
  };
}

function toMetrics({ durations, ...counts }: Counter): OperationMetrics {
  const sorted = durations.toSorted((a, b) => a - b);
  const percentile = (percent: number): number => {
    const value = sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
    return Math.round(value * 10) / 10;
  };
  return { ...counts, p50: percentile(50), p95: percentile(95), p99: percentile(99) };
}
