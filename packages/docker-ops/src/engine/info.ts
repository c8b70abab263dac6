import { z } from "zod";
import { fail } from "../errors.ts";
import { EngineStatusError } from "../wire/engine-error.ts";
import type { EngineIdentity } from "./identity.ts";
import type { Transport } from "../wire/transport.ts";

const registryConfig = z.object({
  IndexConfigs: z.record(z.string(), z.object({ Secure: z.boolean() })).nullish(),
});

/** `GET /info` of the Engine API, as much as is used. */
const info = z.object({
  ID: z.string().default(""),
  Name: z.string().default(""),
  DockerRootDir: z.string().default(""),
  RegistryConfig: registryConfig.nullish(),
});

export interface EngineInfo {
  readonly identity: EngineIdentity;
  /** Registries that the engine's settings list, and whether it insists on TLS there. */
  readonly secureRegistries: Readonly<Record<string, boolean>>;
}

const NOTHING: EngineInfo = { identity: { id: "", name: "", root: "" }, secureRegistries: {} };

/** A proxy in front of an engine may not let this question through: then nothing is known. @throws ENGINE_PROTOCOL */
export async function readInfo(transport: Transport, isPodman: boolean, signal: AbortSignal): Promise<EngineInfo> {
  const operation = "the question for the engine's identity";
  const answer = await transport.json({ method: "GET", path: "/info", signal, operation }).catch((error: unknown) => {
    if (error instanceof Error && error.cause instanceof EngineStatusError) return null;
    throw error;
  });
  if (answer === null) return NOTHING;
  const parsed = info.safeParse(answer);
  if (!parsed.success)
    throw fail("ENGINE_PROTOCOL", `${operation} failed: the answer has another form`, { cause: parsed.error });
  const { ID, Name, DockerRootDir, RegistryConfig } = parsed.data;
  const configs = Object.entries(RegistryConfig?.IndexConfigs ?? {});
  return {
    identity: { id: isPodman ? "" : ID, name: Name, root: DockerRootDir },
    secureRegistries: Object.fromEntries(configs.map(([registry, { Secure }]) => [registry, Secure])),
  };
}
