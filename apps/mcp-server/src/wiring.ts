/**
 * Puts the packages together: the only file that knows them all.
 *
 * - W1  Nothing is opened before it is needed: the engine at the first call that wants one.
 * - W2  What is opened here is closed here, in reverse order.
 */
import { createBuiltinPlugin, createPathPolicy } from "@container-kit/atomic-tools";
import type { PathPolicy, PluginDescription, ServerDescription, ToolServices } from "@container-kit/atomic-tools";
import { createPolicy, createRuntime } from "@container-kit/atomic-runtime";
import type { LoadedPlugins, PluginReport, Policy, Runtime } from "@container-kit/atomic-runtime";
import { checkRegistryLogin, connectEngine, parseCredentialReference } from "@container-kit/docker-ops";
import type { ConnectOptions, Engine, RegistryLoginOptions } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { createLogger, createRedactor } from "@container-kit/observability";
import type { Logger, Secret } from "@container-kit/observability";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import type { Storage } from "@container-kit/storage";
import manifest from "../package.json" with { type: "json" };
import type { Config } from "./config/config.ts";
import { createEngineSource } from "./engine-source.ts";
import type { EngineSource } from "./engine-source.ts";
import { openPlugins, pluginPolicies, toolsetsWith } from "./plugins/open-plugins.ts";
import { privateSettings } from "./private-engine.ts";
import { toRefusal } from "./store-refusal.ts";
import { openTelemetry } from "./telemetry/program-telemetry.ts";
import type { ProgramTelemetry } from "./telemetry/program-telemetry.ts";
import { startUpkeep } from "./upkeep.ts";

/** Which paths tools may touch: named folders only, or whatever the person at the terminal typed. */
type PathRule = { readonly roots: readonly string[] } | { readonly terminal: true };

/** How one command differs from another. */
export interface ApplicationOptions {
  readonly paths: PathRule;
  /** `all` also takes those that the server does not offer by default; null takes its default. */
  readonly toolsets: readonly string[] | "all" | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether measurements will be given out on a port. */
  readonly metrics?: boolean;
}

/** The program, put together. */
export interface Application {
  readonly runtime: Runtime;
  readonly sessions: SessionStore;
  readonly engine: () => Promise<Engine>;
  readonly logger: Logger;
  readonly telemetry: ProgramTelemetry;
  readonly plugins: LoadedPlugins;
  close(): Promise<void>;
}

const ALL_TOOLSETS = ["build", "image", "security", "deploy", "workflow", "sandbox", "run", "session", "server"];

/** The durable record, and what it is kept in. */
export interface OpenedSessions {
  readonly sessions: SessionStore;
  readonly storage: Storage;
  readonly close: () => Promise<void>;
}

/** Opens the durable record alone. @throws STORE_UNAVAILABLE STORE_CORRUPT */
export async function openSessions(
  config: Config,
  logger: Logger = createLogger({ level: config.logLevel, redactor: createRedactor() }),
): Promise<OpenedSessions> {
  const { allowNetworkFileSystem } = config;
  const storage = await openStorage(config.store, { logger, allowNetworkFileSystem, ...keeper() }).catch(toRefusal);
  try {
    const sessions = createSessionStore(storage);
    // Also for a program that only reads: what a dead process left behind is told as interrupted, not as running.
    const interrupted = await sessions.recoverInterrupted();
    if (interrupted.executions > 0) logger.warn("Work of a process that died was found.", { ...interrupted });
    return { sessions, storage, close: () => storage.close() };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** The keeper's program lies beside the built one; run from its sources, the program does the keeper's work itself. */
function keeper(): { keeper?: URL } {
  return import.meta.url.endsWith(".ts") ? {} : { keeper: new URL("record-keeper.js", import.meta.url) };
}

/** Opens everything that a tool may need. @throws STORE_UNAVAILABLE STORE_CORRUPT INVALID_INPUT (a toolset that nobody has) */
export async function openApplication(config: Config, options: ApplicationOptions): Promise<Application> {
  const redactor = createRedactor();
  const logger = createLogger({ level: config.logLevel, redactor });
  // Before anything is opened: rules that cannot be understood stop the program, they are never half in force.
  createPolicy(config.policy);
  const { sessions, storage, close: closeStore } = await openSessions(config, logger);
  const plugins = await openPlugins(config, { environment: options.environment, logger, redactor });
  const close = async (): Promise<void> => {
    await plugins.close();
    await closeStore();
  };
  const onSecret = (secret: Secret): void => redactor.learn(secret);
  const engine = openEngine(config, { env: options.environment, logger, onSecret });
  try {
    const telemetry = await openTelemetry({ ...options, settings: config.telemetry, logger, redactor });
    const policy = createPolicy([...config.policy, ...pluginPolicies(plugins, config.plugins)]);
    const builtin = createBuiltinPlugin({
      engine: () => engine.get(),
      checkLogin: loginCheck(engine, config, { env: options.environment, onSecret }),
      environment: options.environment,
      sessions,
      paths: pathPolicy(options.paths),
      describeServer: () => describeServer({ runtime, storage, telemetry, plugins, policy }),
      policy,
      baseImages: config.baseImages,
      cancelJob: (jobId) => runtime.cancelJob(jobId),
      redactor,
    });
    const runtime: Runtime = createRuntime({
      plugins: [builtin, ...plugins.plugins],
      sessions,
      logger,
      redactor,
      telemetry: telemetry.telemetry,
      readOnly: config.readOnly,
      policy,
      toolsets: toolsetsOf(options, plugins),
    });
    telemetry.watch({ runtime, storage, sessions, engine: () => engine.get() });
    const upkeep = startUpkeep({ runtime, sessions, logger });
    return {
      runtime,
      sessions,
      engine: () => engine.get(),
      logger,
      telemetry,
      plugins,
      async close() {
        await upkeep.close();
        await runtime.close();
        await telemetry.close();
        await engine.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function pathPolicy(rule: PathRule): PathPolicy {
  return createPathPolicy("roots" in rule ? { roots: rule.roots } : { terminal: rule.terminal });
}

interface Described extends Pick<Application, "runtime" | "telemetry" | "plugins"> {
  readonly storage: Storage;
  readonly policy: Policy;
}

function describeServer({ runtime, storage, telemetry, plugins, policy }: Described): ServerDescription {
  return {
    versions: { "container-kit": manifest.version, node: process.versions.node },
    toolsets: [...new Set(runtime.list().map(({ toolset }) => toolset))],
    store: storage.health(),
    runtime: runtime.status(),
    alerts: telemetry.alerts(),
    plugins: plugins.reports.map(describePlugin),
    policy: policy.rules,
  };
}

function describePlugin({ package: named, name = named, version, problem }: PluginReport): PluginDescription {
  return {
    name,
    ...(version === undefined ? {} : { version }),
    ...(problem === undefined ? {} : { problem: `${problem.message}. ${problem.remedy}` }),
  };
}

type EngineOptions = Required<Pick<ConnectOptions, "env" | "logger" | "onSecret">>;

/** (W1) */
function openEngine(config: Config, { env, ...rest }: EngineOptions): EngineSource {
  const common = { ...rest, credentials: config.registryCredentials };
  return createEngineSource(async () => {
    const settings = { env, baseImages: config.baseImages };
    const found = await connectEngine({ ...common, ...settings });
    const own = await privateSettings(found, settings);
    return own === null ? found : connectEngine({ ...common, ...own });
  });
}

function loginCheck(
  engine: EngineSource,
  config: Config,
  common: Pick<RegistryLoginOptions, "env" | "onSecret">,
): ToolServices["checkLogin"] {
  return async (registry, options) => {
    const connected = await engineOrNull(engine);
    if (connected !== null) return connected.checkLogin(registry, options);
    const credentials = config.registryCredentials.map(parseCredentialReference);
    return checkRegistryLogin(registry, { ...options, ...common, credentials });
  };
}

/** A registry can be asked without an engine; only what the engine knows of it, such as its TLS, is missing then. */
function engineOrNull(engine: EngineSource): Promise<Engine | null> {
  return engine.get().catch((error: unknown) => {
    if (isKitError(error) && error.category === "engine") return null;
    throw error;
  });
}

/** Chosen toolsets are served alone; what nobody chose is served with the toolsets of the plugins. */
function toolsetsOf({ toolsets }: ApplicationOptions, plugins: LoadedPlugins): readonly string[] {
  if (toolsets === null) return toolsetsWith(plugins);
  return toolsets === "all" ? toolsetsWith(plugins, ALL_TOOLSETS) : toolsets;
}
