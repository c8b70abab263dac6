import type { Engine } from "@container-kit/docker-ops";
import { toErrorResult } from "@container-kit/errors";
import { z } from "zod";
import type { ToolServices } from "../../services.ts";

export const engineStatus = z.object({
  available: z.boolean(),
  product: z.string().optional(),
  version: z.string().optional(),
  host: z.string().optional(),
  source: z.string().optional(),
  buildkit: z.boolean().optional(),
  identity: z.object({ id: z.string(), name: z.string(), root: z.string() }).optional(),
  via: z.string().optional(),
  problem: z.string().optional(),
  remedy: z.string().optional(),
});

export const operations = z.record(z.string(), z.record(z.string(), z.number()));

interface AskedEngine {
  readonly engine: z.input<typeof engineStatus>;
  readonly operations?: z.input<typeof operations>;
}

/** How long the engine may take to say that it is there. */
const PING_MS = 3000;

/** What the engine says of itself; a problem is a part of the answer, never thrown. */
export async function askEngine(engine: ToolServices["engine"], signal: AbortSignal): Promise<AskedEngine> {
  try {
    const connected = await engine();
    return { engine: await describeEngine(connected, signal), operations: countersOf(connected) };
  } catch (error) {
    return { engine: unavailable(error) };
  }
}

async function describeEngine(connected: Engine, signal: AbortSignal): Promise<AskedEngine["engine"]> {
  try {
    await connected.ping({ deadlineMs: PING_MS, signal });
  } catch (error) {
    return unavailable(error);
  }
  const { profile, endpoint, via, identity } = connected;
  const { product, version, buildkit } = profile;
  const { host, source } = endpoint;
  return { available: true, product, version, buildkit, host, source, via, identity: { ...identity } };
}

function unavailable(error: unknown): AskedEngine["engine"] {
  const { message, remedy } = toErrorResult(error);
  return { available: false, problem: message, remedy };
}

function countersOf(connected: Engine): z.input<typeof operations> {
  return Object.fromEntries(Object.entries(connected.metrics()).map(([name, counted]) => [name, { ...counted }]));
}
