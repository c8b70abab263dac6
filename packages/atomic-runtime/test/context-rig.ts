import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createContextStore, createEventBus } from "@container-kit/context-sharing";
import type { BusEvent, ContextEntry, ContextStore, ContextType } from "@container-kit/context-sharing";
import { openStorage } from "@container-kit/storage";
import { onTestFinished } from "vitest";
import { z } from "zod";
import type { RuntimeOptions, ToolDefinition } from "../src/index.ts";
import { rig } from "./rig.ts";
import type { Rig } from "./rig.ts";

/** The types that the tools of these tests share. */
const TYPES: readonly ContextType[] = [
  {
    name: "image",
    schema: z.object({ reference: z.string(), context: z.string().optional(), secret: z.string().optional() }),
  },
  { name: "analysis", schema: z.object({ path: z.string() }) },
];

export interface ContextRig extends Rig {
  readonly context: ContextStore;
  /** Keeps an image as another execution of `build_image` would. */
  share(sessionId: string, reference: string, more?: Readonly<Record<string, unknown>>): Promise<ContextEntry>;
  /** Opens a session by a call of its own. */
  openSession(): Promise<string>;
  /** What was told so far. */
  events(): Promise<readonly BusEvent[]>;
}

/** A runtime whose tools share entries and whose ends are told, on real files. `change` may break the store: for faults. */
export async function contextRig(
  tools: readonly ToolDefinition[],
  options: Partial<RuntimeOptions> = {},
  change: (store: ContextStore) => Partial<ContextStore> = () => ({}),
): Promise<ContextRig> {
  const folder = await mkdtemp(path.join(tmpdir(), "atomic-runtime-context-"));
  const storage = await openStorage(`sqlite:${folder}/`);
  const store = createContextStore(storage, { types: TYPES });
  const bus = createEventBus(storage);
  const context = broken(store, change(store));
  const made = rig(tools, { context, events: bus, ...options });
  onTestFinished(async () => {
    await made.runtime.close();
    await bus.close();
    await storage.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    ...made,
    context: store,
    async openSession() {
      return (await made.sessions.openSession()).id;
    },
    share(sessionId, reference, more = {}) {
      const producer = { tool: "build_image", executionId: `e-${reference}` };
      return store.share({ sessionId, type: "image", key: reference, value: { reference, ...more }, producer });
    },
    async events() {
      // What is published is in order, and so is there when this one is.
      await bus.publish({ type: "test.asked", sessionId: null, data: {} });
      const { events } = await bus.read({ pattern: "tool.*" });
      return events;
    },
  };
}

/** The store with some of its methods replaced. */
function broken(store: ContextStore, changes: Partial<ContextStore>): ContextStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(name in changes ? changes : target, name);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}
