/**
 * The private engine that `npm run setup` starts brings its registry's credentials and its stand-ins along, in files
 * beside its socket. They are used with that engine alone, and only where nothing else was configured.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ConnectOptions, Engine } from "@container-kit/docker-ops";
import { readConfigFile } from "./config/read-config-file.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Settings = Required<Pick<ConnectOptions, "env" | "baseImages">>;

/** The settings to connect with instead, or null where this is not that engine or it brings none. */
export async function privateSettings(engine: Engine, { env, baseImages }: Settings): Promise<Settings | null> {
  const { host, isPrivate } = engine.endpoint;
  if (isPrivate !== true) return null;
  const folder = dirname(host.slice("unix://".length));
  const own = isSet(env, "CONTAINER_KIT_CONFIG") ? undefined : await readConfigFile(join(folder, "container-kit.yaml"));
  const credentials = join(folder, "docker-config");
  const useCredentials = !isSet(env, "DOCKER_CONFIG") && existsSync(credentials);
  return {
    env: useCredentials ? { ...env, DOCKER_CONFIG: credentials } : env,
    baseImages: { ...own?.baseImages, ...baseImages },
  };
}

function isSet(env: Environment, name: string): boolean {
  return env[name] !== undefined && env[name] !== "";
}
