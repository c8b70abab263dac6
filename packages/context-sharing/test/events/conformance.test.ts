import { eventBusCases, eventBusConformance } from "@container-kit/testkit";
import type { BusMedium, ConformingBus, ConformingSubscribe, OpenMedium } from "@container-kit/testkit";
import { describe, expect, test } from "vitest";
import { openStoreMedium } from "./store-medium.ts";

eventBusConformance("the store", openStoreMedium);

describe("the suite finds a medium that", () => {
  const broken: Readonly<Record<string, { readonly breakage: Breakage; readonly found: RegExp }>> = {
    "drops an event": { breakage: droppingOne, found: /one order/ },
    "reorders events": { breakage: reordering, found: /one order/ },
    "forgets the place of a name": { breakage: forgettingPlaces, found: /goes on where it was/ },
    "delivers to both holders of a name": { breakage: sharingNames, found: /stands by/ },
    "keeps a place before its event was handled": { breakage: handlingLater, found: /when it died/ },
    "gives an id twice": { breakage: repeatingIds, found: /concurrent publishers/ },
    "tells of no gap": { breakage: hidingGaps, found: /gap/ },
  };
  for (const [name, { breakage, found }] of Object.entries(broken)) {
    test(name, async () => {
      const cases = eventBusCases.filter((one) => found.test(one.name));
      expect(cases).toHaveLength(1);
      for (const { run } of cases) {
        await run(breaking((options) => options));
        await expect(run(breaking(breakage), 500)).rejects.toThrow(/.+/);
      }
    });
  }
});

/** Makes of what a subscriber asks for what a broken medium understands. */
type Breakage = (options: ConformingSubscribe, connection: number) => ConformingSubscribe;

function breaking(breakage: Breakage): OpenMedium {
  return async (options) => {
    const medium = await openStoreMedium(options);
    let connections = 0;
    const real = new Map<ConformingBus, ConformingBus>();
    const broken: BusMedium = {
      ...medium,
      async connect() {
        const bus = await medium.connect();
        const connection = (connections += 1);
        const bound = bindAll(bus);
        const worse: ConformingBus = { ...bound, subscribe: (asked) => bus.subscribe(breakage(asked, connection)) };
        real.set(worse, bus);
        return worse;
      },
      crash: (bus) => medium.crash(real.get(bus) ?? bus),
    };
    return broken;
  };
}

function bindAll(bus: ConformingBus): ConformingBus {
  return {
    publish: (event) => bus.publish(event),
    publishSoon: (event) => bus.publishSoon(event),
    subscribe: (options) => bus.subscribe(options),
    read: (query) => bus.read(query),
    removeSession: (id) => bus.removeSession(id),
    prune: () => bus.prune(),
    close: () => bus.close(),
  };
}

function droppingOne(options: ConformingSubscribe): ConformingSubscribe {
  let count = 0;
  return { ...options, handler: (event) => ((count += 1) === 7 ? undefined : options.handler(event)) };
}

function reordering(options: ConformingSubscribe): ConformingSubscribe {
  let kept: Parameters<ConformingSubscribe["handler"]>[0] | undefined;
  return {
    ...options,
    async handler(event) {
      const before = kept;
      kept = before === undefined ? event : undefined;
      if (before === undefined) return;
      await options.handler(event);
      await options.handler(before);
    },
  };
}

function forgettingPlaces({ pattern, handler }: ConformingSubscribe): ConformingSubscribe {
  return { pattern, handler };
}

function sharingNames(options: ConformingSubscribe, connection: number): ConformingSubscribe {
  return options.name === undefined ? options : { ...options, name: `${options.name}.${connection}` };
}

function handlingLater(options: ConformingSubscribe): ConformingSubscribe {
  return { ...options, handler: (event) => void options.handler(event) };
}

function repeatingIds(options: ConformingSubscribe): ConformingSubscribe {
  return { ...options, handler: (event) => options.handler({ ...event, id: "evt_1" }) };
}

function hidingGaps(options: ConformingSubscribe): ConformingSubscribe {
  return { ...options, onGap: () => {} };
}
