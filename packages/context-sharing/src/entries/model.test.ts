/** What is pinned here: whatever is called in whatever order, the store does what a plain map would do. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { note, openContext } from "../../test/entries/open-context.ts";
import type { OpenedContext } from "../../test/entries/open-context.ts";
import { entries, past } from "./tables.ts";

interface Version {
  readonly version: number;
  readonly text: string;
  readonly execution: string;
  readonly expires: number;
  readonly order: number;
}

/** A key: its versions, the newest last, and the highest number there was. */
interface Kept {
  versions: Version[];
  last: number;
}

const KEPT = 16;
/** One is shared so often that it loses old versions. */
const key = fc.constantFrom("a", "a", "a", "a", "b", "c");
const execution = fc.constantFrom("e1", "e2", "e3");
const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constant("share" as const),
      key,
      execution,
      ttlMs: fc.constantFrom(50, 5000, 5000, 5000),
      expected: fc.constantFrom(undefined, undefined, undefined, undefined, 0, 1, 2, 3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("takeBack" as const), execution }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 10, 100) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Kind> ? Kind : never;

class Model {
  readonly keys = new Map<string, Kept>();
  readonly sessionId: string;
  #order = 0;

  constructor(sessionId: string) {
    this.sessionId = sessionId;
  }

  live(name: string, now: number): Kept | undefined {
    const kept = this.keys.get(name);
    return kept !== undefined && (kept.versions.at(-1)?.expires ?? 0) > now ? kept : undefined;
  }

  share(of: Extract<Step, { do: "share" }>, text: string, now: number): number | "CONFLICT" {
    const present = this.live(of.key, now);
    if (of.expected !== undefined && of.expected !== (present?.versions.at(-1)?.version ?? 0)) return "CONFLICT";
    const kept = present ?? { versions: [], last: 0 };
    kept.last += 1;
    this.#order += 1;
    kept.versions.push({
      version: kept.last,
      text,
      execution: of.execution,
      expires: now + of.ttlMs,
      order: this.#order,
    });
    kept.versions = kept.versions.slice(-KEPT);
    this.keys.set(of.key, kept);
    return kept.last;
  }

  takeBack(by: string): number {
    let gone = 0;
    for (const [name, kept] of this.keys) {
      const left = kept.versions.filter((version) => version.execution !== by);
      gone += kept.versions.length - left.length;
      kept.versions = left;
      if (left.length === 0) this.keys.delete(name);
    }
    return gone;
  }

  sweep(now: number): number {
    const dead = [...this.keys.keys()].filter((name) => this.live(name, now) === undefined);
    for (const name of dead) this.keys.delete(name);
    return dead.length;
  }
}

async function compare({ store, storage, time }: OpenedContext, model: Model): Promise<void> {
  const { sessionId } = model;
  const live = [...model.keys].filter(([name]) => model.live(name, time.now) !== undefined);
  const newest = live.map(([name, kept]) => [name, kept.versions.at(-1) as Version] as const);
  const listed = newest.toSorted(([, one], [, other]) => other.order - one.order);
  const found = await store.query({ sessionId });
  expect(found.map((entry) => [entry.key, entry.version, entry.value])).toEqual(
    listed.map(([name, { version, text }]) => [name, version, { text }]),
  );
  for (const name of ["a", "b", "c"]) {
    const versions = model.live(name, time.now)?.versions.toReversed() ?? [];
    const served = versions.filter(({ expires }) => expires > time.now);
    const history = await store.history({ sessionId, type: "note", key: name });
    expect(history.map(({ version, value }) => [version, value])).toEqual(
      served.map(({ version, text }) => [version, { text }]),
    );
  }
  const all = [...model.keys.values()].flatMap(({ versions }) => versions);
  const bytes = all.reduce((sum, { text }) => sum + JSON.stringify({ text }).length, 0);
  expect(await store.usage(sessionId)).toEqual({ entries: model.keys.size, bytes });
  // An id that is listed and not there would be another entry's next; one that is there and not listed would stay.
  const { statements } = storage.shared;
  const ids = statements
    .select({ kept: entries.kept })
    .from(entries)
    .all()
    .flatMap(({ kept }) => JSON.parse(kept) as number[]);
  expect(ids.toSorted((one, other) => one - other)).toEqual(
    statements
      .select({ id: past.id })
      .from(past)
      .orderBy(past.id)
      .all()
      .map(({ id }) => id),
  );
}

async function apply(opened: OpenedContext, model: Model, of: Step, text: string): Promise<void> {
  const { store, time } = opened;
  const { sessionId } = model;
  if (of.do === "share") {
    const { key, execution, ttlMs, expected } = of;
    const producer = { tool: "t", executionId: execution };
    const change = {
      sessionId,
      key,
      ttlMs,
      producer,
      ...(expected === undefined ? {} : { expectedVersion: expected }),
    };
    const shared = await store.share(note(text, change)).then(
      ({ version }) => version,
      (error: { code: string }) => error.code,
    );
    expect(shared).toBe(model.share(of, text, time.now));
  } else if (of.do === "remove") {
    const was = model.live(of.key, time.now) !== undefined;
    expect(await store.remove({ sessionId, type: "note", key: of.key })).toBe(was);
    if (was) model.keys.delete(of.key);
  } else if (of.do === "takeBack") {
    expect(await store.removeProduced(sessionId, of.execution)).toBe(model.takeBack(of.execution));
  } else if (of.do === "sweep") {
    expect(await store.sweep()).toBe(model.sweep(time.now));
  } else {
    time.now += of.ms;
  }
}

test("any sequence of calls leaves what a map would hold", async () => {
  const opened = await openContext();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 100, size: "max" }), async (steps) => {
      run += 1;
      const sessionId = `ses_${run}`;
      const model = new Model(sessionId);
      try {
        for (const [index, each] of steps.entries()) await apply(opened, model, each, `${run}.${index}`);
        await compare(opened, model);
      } finally {
        await opened.store.removeSession(sessionId);
      }
    }),
    { numRuns: 80 },
  );
});
