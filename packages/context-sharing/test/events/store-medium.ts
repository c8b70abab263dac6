import { tempFolder } from "@container-kit/config/temp-folder";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import type { BusMedium, ConformingBus, MediumOptions } from "@container-kit/testkit";
import { createEventBusWith } from "../../src/events/event-bus.ts";

const HASTE = { pausesMs: [1, 1, 1, 1], standbyMs: 10, closeWaitMs: 20 };

/** The bus on the store, as the conformance suite opens it: each connection has the file open as a process would. */
export async function openStoreMedium({ maxCount }: MediumOptions = {}): Promise<BusMedium> {
  const folder = tempFolder();
  const open = new Map<ConformingBus, Storage>();
  const crashed = new Set<string | null>();
  return {
    async connect() {
      const storage = await openStorage(`sqlite:${folder}/`);
      // All connections are of this process: which of them have died, only the medium knows.
      const isHolding: Storage["isHolding"] = (holder) => !crashed.has(holder.journal) && storage.isHolding(holder);
      const limits = maxCount === undefined ? {} : { maxCount };
      const bus = createEventBusWith({ ...storage, isHolding }, { ...limits, pollMs: 5 }, HASTE);
      open.set(bus, storage);
      return bus;
    },
    async crash(bus) {
      const storage = open.get(bus);
      crashed.add(storage?.holder().journal ?? null);
      await storage?.close();
    },
    async close() {
      for (const [bus, storage] of open) {
        await bus.close();
        await storage.close();
      }
    },
  };
}
