import { tempFolder } from "@container-kit/config/temp-folder";
import { openStorage } from "@container-kit/storage";
import type { Storage, StorageOptions } from "@container-kit/storage";
import { afterEach } from "vitest";
import { createEventBusWith } from "../../src/events/event-bus.ts";
import type { BusPatience } from "../../src/events/event-bus.ts";
import type { EventBus, EventBusOptions } from "../../src/index.ts";

/** A bus, and what it lies on. */
export interface OpenedBus {
  readonly bus: EventBus;
  readonly storage: Storage;
}

/** How a test's bus differs from the usual one. */
export interface OpenBusOptions extends EventBusOptions {
  readonly folder?: string;
  readonly patience?: Partial<BusPatience>;
  /** Puts something between the bus and its store. */
  readonly wrap?: (storage: Storage) => Storage;
}

const HASTE: BusPatience = { pausesMs: [1, 1, 1, 1], standbyMs: 20, closeWaitMs: 50 };
const opened: OpenedBus[] = [];

/** Opens a bus, which is closed after the test. */
export async function openBus({ folder, patience, wrap, ...options }: OpenBusOptions = {}): Promise<OpenedBus> {
  const { clock } = options;
  const how: StorageOptions = clock === undefined ? {} : { clock };
  const storage = await openStorage(`sqlite:${folder ?? tempFolder()}/`, how);
  const bus = createEventBusWith(wrap?.(storage) ?? storage, { pollMs: 5, ...options }, { ...HASTE, ...patience });
  opened.push({ bus, storage });
  return { bus, storage };
}

afterEach(async () => {
  for (const { bus, storage } of opened.splice(0).toReversed()) {
    await bus.close();
    await storage.close();
  }
});
