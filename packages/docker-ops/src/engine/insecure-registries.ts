import { z } from "zod";
import type { Transport } from "./transport.ts";

/** `RegistryConfig` of `GET /info`. */
const info = z.object({
  RegistryConfig: z
    .object({ IndexConfigs: z.record(z.string(), z.object({ Secure: z.boolean() })).nullish() })
    .nullish(),
});

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/;

/** Whether the engine talks to a registry without TLS: loopback always, others when the engine's settings list them. */
export async function isInsecureRegistry(
  transport: Transport,
  registry: string,
  signal: AbortSignal,
): Promise<boolean> {
  if (LOOPBACK.test(registry)) return true;
  const answer = await transport.json({
    method: "GET",
    path: "/info",
    signal,
    operation: "the question for the engine's registries",
  });
  const parsed = info.safeParse(answer);
  return parsed.data?.RegistryConfig?.IndexConfigs?.[registry]?.Secure === false;
}
