/**
 * Puts the packages together: the only file that knows them all.
 *
 * - W1  Nothing is opened before it is needed: the engine at the first call that wants one.
 * - W2  What is opened here is closed here, in reverse order.
 */
import { createBuiltinPlugin, createPathPolicy } from "@container-kit/atomic-tools";
import { createRuntime } from "@container-kit/atomic-runtime";
import type { Runtime } from "@container-kit/atomic-runtime";
import { checkRegistryLogin, connectEngine, parseCredentialReference } from "@container-kit/docker-ops";
import type { Engine } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { createLogger, createRedactor } from "@container-kit/observability";
import type { Logger, Secret } from "@container-kit/observability";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import manifest from "../package.json" with { type: "json" };
import type { Config } from "./config/config.ts";
import { createEngineSource } from "./engine-source.ts";
import type { EngineSource } from "./engine-source.ts";
import { privateSettings } from "./private-engine.ts";

/** Which paths tools may touch: named folders only, or whatever the person at the terminal typed. */
type PathRule = { readonly roots: readonly string[] } | { readonly terminal: true };

/** How one command differs from another. */
export interface ApplicationOptions {
  readonly paths: PathRule;
  /** `all` also takes those that the server does not offer by default; null takes its default. */
  readonly toolsets: readonly string[] | "all" | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The program, put together. */
export interface Application {
  readonly runtime: Runtime;
  readonly sessions: SessionStore;
  readonly engine: () => Promise<Engine>;
  readonly logger: Logger;
  close(): Promise<void>;
}

const ALL_TOOLSETS = ["build", "image", "security", "deploy", "workflow", "sandbox", "run", "session", "server"];

/** Opens the durable record alone. @throws STORE_UNAVAILABLE STORE_CORRUPT */
export async function openSessions(
  config: Config,
  logger: Logger = createLogger({ level: config.logLevel, redactor: createRedactor() }),
): Promise<{ readonly sessions: SessionStore; readonly close: () => Promise<void> }> {
  const storage = await openStorage(config.store, { logger });
  try {
    const sessions = createSessionStore(storage);
    // Also for a program that only reads: what a dead process left behind is told as interrupted, not as running.
    const interrupted = await sessions.recoverInterrupted();
    if (interrupted.executions > 0) logger.warn("Work of a process that died was found.", { ...interrupted });
    return { sessions, close: () => storage.close() };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** Opens everything that a tool may need. @throws STORE_UNAVAILABLE STORE_CORRUPT INVALID_INPUT (a toolset that nobody has) */
export async function openApplication(config: Config, options: ApplicationOptions): Promise<Application> {
  const redactor = createRedactor();
  const logger = createLogger({ level: config.logLevel, redactor });
  const { sessions, close } = await openSessions(config, logger);
  const onSecret = (secret: Secret): void => redactor.learn(secret);
  const engine = createEngineSource(async () => {
    const settings = { env: options.environment, baseImages: config.baseImages };
    const common = { logger, credentials: config.registryCredentials, onSecret };
    const found = await connectEngine({ ...common, ...settings });
    const own = await privateSettings(found, settings);
    return own === null ? found : connectEngine({ ...common, ...own });
  });
  try {
    const plugin = createBuiltinPlugin({
      engine: () => engine.get(),
      checkLogin: async (registry, loginOptions) => {
        const connected = await engineOrNull(engine);
        if (connected !== null) return connected.checkLogin(registry, loginOptions);
        const credentials = config.registryCredentials.map(parseCredentialReference);
        return checkRegistryLogin(registry, { ...loginOptions, env: options.environment, credentials, onSecret });
      },
      environment: options.environment,
      sessions,
      paths: createPathPolicy(
        "roots" in options.paths ? { roots: options.paths.roots } : { terminal: options.paths.terminal },
      ),
      describeServer: () => ({
        versions: { "container-kit": manifest.version, node: process.versions.node },
        toolsets: [...new Set(runtime.list().map(({ toolset }) => toolset))],
      }),
      redactor,
    });
    const runtime: Runtime = createRuntime({
      plugins: [plugin],
      sessions,
      logger,
      redactor,
      readOnly: config.readOnly,
      ...toolsetsOf(options),
    });
    return {
      runtime,
      sessions,
      engine: () => engine.get(),
      logger,
      async close() {
        await runtime.close();
        await engine.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A registry can be asked without an engine; only what the engine knows of it, such as its TLS, is missing then. */
function engineOrNull(engine: EngineSource): Promise<Engine | null> {
  return engine.get().catch((error: unknown) => {
    if (isKitError(error) && error.category === "engine") return null;
    throw error;
  });
}

function toolsetsOf({ toolsets }: ApplicationOptions): { toolsets?: readonly string[] } {
  if (toolsets === null) return {};
  return { toolsets: toolsets === "all" ? ALL_TOOLSETS : toolsets };
}
