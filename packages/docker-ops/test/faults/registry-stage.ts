import { onTestFinished } from "vitest";
import { startFaultRegistry, uniqueName } from "@container-kit/testkit";
import type { FaultRegistry, FaultRegistryOptions, LoadedRig } from "@container-kit/testkit";
import type { Engine } from "../../src/index.ts";
import { connect, dockerConfig } from "../rig.ts";

/** What no message, detail or log may hold; of characters that a URL, a header and a shell each treat in their way. */
export const PASSWORD = "matrix:canary/pass word+1";

/** A registry that misbehaves as told, and an engine whose user is signed in to it. */
export interface RegistryStage {
  readonly registry: FaultRegistry;
  readonly engine: Engine;
  /** A name in that registry that nobody has used. */
  readonly target: string;
  /** How another engine signs in to it too. */
  readonly env: Readonly<Record<string, string>>;
}

/** Sets the stage for one test, and clears it when that is over. */
export async function stageRegistry(rig: LoadedRig, options: FaultRegistryOptions = {}): Promise<RegistryStage> {
  const registry = await startFaultRegistry({ users: { robot: PASSWORD }, ...options });
  const config = dockerConfig({ [registry.host]: { username: "robot", password: PASSWORD } });
  const env = { DOCKER_CONFIG: config.folder };
  const engine = await connect(rig, env);
  const target = `${registry.host}/${uniqueName("fault")}:1`;
  onTestFinished(async () => {
    await engine.remove(target).catch(() => undefined);
    await engine.close();
    config.remove();
    await registry.close();
  });
  return { registry, engine, target, env };
}
