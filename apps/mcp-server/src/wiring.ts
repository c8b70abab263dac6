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
import type { FailureRouting } from "@container-kit/context-sharing";
import { checkRegistryLogin, connectEngine, parseCredentialReference } from "@container-kit/docker-ops";
import type { ConnectOptions, Engine, RegistryLoginOptions } from "@container-kit/docker-ops";
import { isKitError } from "@container-kit/errors";
import { createLogger, createRedactor } from "@container-kit/observability";
import type { Logger, Secret } from "@container-kit/observability";
import type { SessionStore } from "@container-kit/session";
import type { Storage } from "@container-kit/storage";
import manifest from "../package.json" with { type: "json" };
import type { Config, RoutingSettings } from "./config/config.ts";
import { createEngineSource } from "./engine-source.ts";
import type { EngineSource } from "./engine-source.ts";
import { openPlugins, pluginPolicies, toolsetsWith } from "./plugins/open-plugins.ts";
import { privateSettings } from "./private-engine.ts";
import { openSessions } from "./open-sessions.ts";
import type { OpenedSessions } from "./open-sessions.ts";
import { checkRouting, openRouting } from "./sharing.ts";
import type { SharedContext } from "./sharing.ts";
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
  readonly shared: SharedContext;
  /** Where failures go. */
  readonly routing: FailureRouting;
  /** How the program was told to treat them. */
  readonly settings: Pick<RoutingSettings, "autoFix">;
  close(): Promise<void>;
}

const ALL_TOOLSETS = ["build", "image", "security", "deploy", "workflow", "sandbox", "run", "session", "server"];

/** Opens everything that a tool may need. @throws STORE_UNAVAILABLE STORE_CORRUPT INVALID_INPUT (a toolset that nobody has) */
export async function openApplication(config: Config, options: ApplicationOptions): Promise<Application> {
  const redactor = createRedactor();
  const logger = createLogger({ level: config.logLevel, redactor });
  // Before anything is opened: rules that cannot be understood stop the program, they are never half in force.
  createPolicy(config.policy);
  checkRouting(config.routing, config.plugins.length > 0);
  const opened = await openSessions(config, redactor, logger);
  const { sessions, storage, shared } = opened;
  const plugins = await openPlugins(config, { environment: options.environment, logger, redactor });
  const close = async (): Promise<void> => {
    await plugins.close();
    await opened.close();
  };
  const onSecret = (secret: Secret): void => redactor.learn(secret);
  const source = openEngine(config, { env: options.environment, logger, onSecret });
  const engine = (): Promise<Engine> => source.get();
  try {
    const telemetry = await openTelemetry({ ...options, settings: config.telemetry, logger, redactor });
    const checkLogin = loginCheck(source, config, { env: options.environment, onSecret });
    const parts = { config, options, redactor, logger, opened, plugins, telemetry, engine, checkLogin };
    const { runtime, routing } = composeRuntime(parts);
    telemetry.watch({ runtime, storage, sessions, engine });
    const upkeep = startUpkeep({ runtime, sessions, ...shared, logger });
    return {
      runtime,
      sessions,
      engine,
      logger,
      telemetry,
      plugins,
      shared,
      routing,
      settings: config.routing,
      async close() {
        await upkeep.close();
        await runtime.close();
        await telemetry.close();
        await source.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface RuntimeParts
  extends
    Pick<Application, "logger" | "telemetry" | "plugins" | "engine">,
    Pick<ToolServices, "redactor" | "checkLogin"> {
  readonly config: Config;
  readonly options: ApplicationOptions;
  readonly opened: OpenedSessions;
}

/** The tools, where their failures go, and the runtime that runs them. @throws INVALID_INPUT */
function composeRuntime(parts: RuntimeParts): Pick<Application, "runtime" | "routing"> {
  const { config, options, redactor, logger, plugins, telemetry, engine, checkLogin } = parts;
  const { sessions, storage, shared } = parts.opened;
  const { context, events } = shared;
  const policy = createPolicy([...config.policy, ...pluginPolicies(plugins, config.plugins)]);
  const routing = openRouting({
    settings: config.routing,
    plugins: plugins.plugins,
    isPluginMissing: plugins.reports.some(({ loaded }) => !loaded),
    serves: (tool) => served().has(tool),
    shared,
    redactor,
    logger,
  });
  const builtin = createBuiltinPlugin({
    engine,
    checkLogin,
    environment: options.environment,
    sessions,
    context,
    events,
    listTools: () => runtime.list(),
    paths: pathPolicy(options.paths),
    describeServer: () => describeServer({ runtime, storage, telemetry, plugins, policy, shared }),
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
    context,
    events,
    routing,
    autoFix: config.routing.autoFix,
    toolsets: toolsetsOf(options, plugins),
  });
  const served = lazily(() => new Set(runtime.list().map(({ name }) => name)));
  return { runtime, routing };
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

function pathPolicy(rule: PathRule): PathPolicy {
  return createPathPolicy("roots" in rule ? { roots: rule.roots } : { terminal: rule.terminal });
}

interface Described extends Pick<Application, "runtime" | "telemetry" | "plugins" | "shared"> {
  readonly storage: Storage;
  readonly policy: Policy;
}

async function describeServer(described: Described): Promise<ServerDescription> {
  const { runtime, storage, telemetry, plugins, policy, shared } = described;
  // A store that cannot be asked says so itself; it is told below.
  const context = await shared.context.usage().catch(() => undefined);
  return {
    ...(context === undefined ? {} : { context }),
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
