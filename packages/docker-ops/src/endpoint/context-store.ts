import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isKitError } from "@container-kit/errors";
import { z } from "zod";
import { fail } from "../errors.ts";
import { refusePassword } from "./refuse-password.ts";
import type { EngineEndpoint } from "./types.ts";

const metadata = z.object({
  Endpoints: z.object({
    docker: z.object({ Host: z.string(), SkipTLSVerify: z.boolean().optional() }),
  }),
});

/**
 * Reads the endpoint of a docker context. A context lives under the sha256 of its name (docker/cli `context/store`).
 *
 * @throws ENGINE_BAD_ENDPOINT when there is no such context or it has no docker endpoint
 */
export async function readContextEndpoint(configFolder: string, name: string, source: string): Promise<EngineEndpoint> {
  const id = createHash("sha256").update(name).digest("hex");
  const file = join(configFolder, "contexts", "meta", id, "meta.json");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw fail("ENGINE_BAD_ENDPOINT", `${source} does not exist: there is no ${file}`, {
      cause,
      details: { context: name, file },
      remedy: "Choose another context with `docker context use`, or set DOCKER_HOST.",
    });
  }
  const { host, verify } = parseMetadata(text, source);
  const certificates = join(configFolder, "contexts", "tls", id, "docker");
  if (!/^(?:tcp|https):/.test(host) || !(await exists(join(certificates, "ca.pem"))))
    return { host, source, context: name };
  const tls = {
    ca: join(certificates, "ca.pem"),
    cert: join(certificates, "cert.pem"),
    key: join(certificates, "key.pem"),
    verify,
  };
  return { host, source, context: name, tls };
}

function parseMetadata(text: string, source: string): { host: string; verify: boolean } {
  try {
    const { Host, SkipTLSVerify } = metadata.parse(JSON.parse(text)).Endpoints.docker;
    refusePassword(Host, source);
    return { host: Host, verify: SkipTLSVerify !== true };
  } catch (cause) {
    if (isKitError(cause)) throw cause;
    throw fail("ENGINE_BAD_ENDPOINT", `${source} has no readable docker endpoint`, { cause });
  }
}

async function exists(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    () => false,
  );
}
