import { z } from "zod";
import { fail } from "../errors.ts";
import type { EngineProfile } from "./profile.ts";
import type { Transport } from "../wire/transport.ts";

/** `GET /version` of the Engine API; Podman answers it too. */
const version = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  Os: z.string().default("linux"),
  Arch: z.string().default(""),
  Components: z.array(z.object({ Name: z.string() })).default([]),
});

/** The first API version whose builder takes `version=2` (docker 18.09). */
const BUILDKIT_SINCE = [1, 39] as const;

/** Asks an engine what it is. @throws ENGINE_PROTOCOL when the answer is not an engine's */
export async function probeProfile(transport: Transport, signal: AbortSignal): Promise<EngineProfile> {
  const answer = await transport.json({
    method: "GET",
    path: "/version",
    signal,
    operation: "the question for the engine's version",
  });
  const parsed = version.safeParse(answer);
  if (!parsed.success)
    throw fail("ENGINE_PROTOCOL", "the endpoint answers, and not as an engine does", { cause: parsed.error });
  const { Version, ApiVersion, Os, Arch, Components } = parsed.data;
  const names = Components.map(({ Name }) => Name);
  const product = names.some((name) => /podman/i.test(name))
    ? "podman"
    : names.includes("Engine") || names.length === 0
      ? "docker"
      : "unknown";
  return {
    product,
    version: Version,
    apiVersion: ApiVersion,
    os: Os,
    arch: Arch,
    buildkit: product === "docker" && Os === "linux" && isAtLeast(ApiVersion, BUILDKIT_SINCE),
    pushAux: product === "docker",
    registryDigests: product === "docker",
    targetLabels: product !== "podman",
    healthcheck: product !== "podman",
  };
}

function isAtLeast(apiVersion: string, [major, minor]: readonly [number, number]): boolean {
  const [ownMajor = 0, ownMinor = 0] = apiVersion.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
