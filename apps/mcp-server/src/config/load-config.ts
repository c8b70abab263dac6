import { realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { AlertRules, LogLevel } from "@container-kit/observability";
import { fail } from "../errors.ts";
import { LOG_LEVELS } from "./config-file.ts";
import type { ConfigFile } from "./config-file.ts";
import type { Config, ConfigFlags } from "./config.ts";
import { readConfigFile } from "./read-config-file.ts";
import { mergeRouting, widensRouting } from "./routing-settings.ts";
import { withAbsolutePath } from "./registry-credentials.ts";
import { otlpEndpoint } from "../telemetry/settings.ts";

/**
 * Merges what flags, environment and files say.
 *
 * - G1  flags > environment > project file > user file > default, key by key.
 * - G2  A project file inside a repository that is worked on was written by whoever wrote the repository. It may
 *       narrow (fewer roots, fewer toolsets, read-only, no autoFix) and set the log level; its other keys are ignored
 *       aloud.
 *       Its policy counts like every other: rules only narrow.
 * - G3  No project file, trusted or not, says which credentials are used.
 */
export interface ConfigSources {
  readonly flags: ConfigFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  /** The repositories that are worked on; by default the working directory may be one. */
  readonly repositories?: readonly string[];
}

const FILE_NAME = "container-kit.yaml";

/** @throws INVALID_INPUT for a file or a variable that cannot be understood, NOT_FOUND for a file that was named */
export async function loadConfig(sources: ConfigSources): Promise<Config> {
  const { flags, environment, workingDirectory, homeDirectory } = sources;
  const user = await loadUserFile(sources);
  const projectPath = join(workingDirectory, FILE_NAME);
  const found = projectPath === user?.path ? undefined : await readConfigFile(projectPath);
  const untrusted = await isInRepository(workingDirectory, sources.repositories ?? [workingDirectory]);
  const project = found === undefined ? {} : absolutePaths(found, projectPath, homeDirectory);
  const trusted = untrusted ? {} : project;
  const userFile = user?.file ?? {};
  const home = stateFolder(environment, homeDirectory);
  const flagRoots = flags.roots?.map((root) => resolve(workingDirectory, root));
  const config: Config = {
    roots: flagRoots ?? trusted.roots ?? userFile.roots ?? null,
    toolsets: flags.toolsets ?? trusted.toolsets ?? userFile.toolsets ?? null,
    readOnly: flags.readOnly ?? trusted.readOnly ?? userFile.readOnly ?? false,
    logLevel: logLevel(environment) ?? project.logLevel ?? userFile.logLevel ?? "warn",
    home,
    store:
      nonEmpty(environment["CONTAINER_KIT_STORE"]) ??
      trusted.store ??
      userFile.store ??
      `sqlite:${join(home, "state.db")}`,
    allowNetworkFileSystem: trusted.allowNetworkFileSystem ?? userFile.allowNetworkFileSystem ?? false,
    baseImages: trusted.baseImages ?? userFile.baseImages ?? {},
    registryCredentials:
      flags.registryCredentials?.map((text) => withAbsolutePath(text, workingDirectory, homeDirectory)) ??
      userFile.registryCredentials ??
      [],
    plugins: [
      ...(trusted.plugins ?? userFile.plugins ?? []),
      ...(flags.plugins ?? []).map((path) => ({ package: resolve(workingDirectory, path) })),
    ],
    policy: [
      ...(userFile.policy === undefined || user === undefined ? [] : [{ source: user.path, rules: userFile.policy }]),
      ...(project.policy === undefined ? [] : [{ source: projectPath, rules: project.policy }]),
    ],
    routing: mergeRouting([
      ...(user === undefined ? [] : [{ path: user.path, routing: userFile.routing }]),
      { path: projectPath, routing: trusted.routing },
    ]),
    telemetry: {
      otlp: otlpEndpoint({
        flag: flags.otlp,
        environment,
        files: [trusted.telemetry?.otlp, userFile.telemetry?.otlp],
      }),
      alerts: (trusted.alerts ?? userFile.alerts ?? {}) as AlertRules,
    },
    files: [...(found === undefined ? [] : [projectPath]), ...(user === undefined ? [] : [user.path])],
    warnings:
      project.registryCredentials === undefined
        ? []
        : [
            `${projectPath}: registryCredentials is ignored, because only a flag and the user's own file may name them.`,
          ],
  };
  return untrusted && found !== undefined ? narrow(config, project, projectPath) : config;
}

async function loadUserFile(sources: ConfigSources): Promise<{ path: string; file: ConfigFile } | undefined> {
  const { flags, environment, workingDirectory, homeDirectory } = sources;
  const named = flags.config ?? nonEmpty(environment["CONTAINER_KIT_CONFIG"]);
  const folder = absolute(environment["XDG_CONFIG_HOME"]) ?? join(homeDirectory, ".config");
  const path = named === undefined ? join(folder, "container-kit", FILE_NAME) : resolve(workingDirectory, named);
  const file = await readConfigFile(path);
  if (file !== undefined) return { path, file: absolutePaths(file, path, homeDirectory) };
  if (named === undefined) return undefined;
  throw fail("NOT_FOUND", `There is no configuration file ${path}`, {
    remedy: "Correct --config or CONTAINER_KIT_CONFIG, or leave it out.",
  });
}

/** Whether the folder is one of the repositories or lies in one, whatever symbolic links lead there. */
async function isInRepository(folder: string, repositories: readonly string[]): Promise<boolean> {
  const own = await realOrResolved(folder);
  const others = await Promise.all(repositories.map((repository) => realOrResolved(resolve(folder, repository))));
  return others.some((repository) => isInside(own, repository));
}

function realOrResolved(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

/** Invariant G2. */
function narrow(config: Config, project: ConfigFile, path: string): Config {
  const warnings = [...config.warnings];
  const ignore = (key: string, why: string): void => {
    warnings.push(`${path}: ${key} is ignored, because a file inside the repository may not ${why}.`);
  };
  const folder = dirname(path);
  const roots = project.roots?.filter((root) => (config.roots ?? [folder]).some((allowed) => isInside(root, allowed)));
  if (roots !== undefined && roots.length < (project.roots?.length ?? 0))
    ignore("a root outside the allowed ones", "widen them");
  const toolsets = project.toolsets?.filter((toolset) => config.toolsets?.includes(toolset) ?? true);
  if (toolsets !== undefined && toolsets.length < (project.toolsets?.length ?? 0))
    ignore("a toolset that is not served", "add it");
  if (project.readOnly === false && config.readOnly) ignore("readOnly: false", "lift it");
  if (project.store !== undefined) ignore("store", "choose where the record goes");
  if (project.allowNetworkFileSystem !== undefined) ignore("allowNetworkFileSystem", "risk the record");
  if (project.plugins !== undefined) ignore("plugins", "load code into the server");
  if (project.telemetry !== undefined) ignore("telemetry", "choose who is told of the calls");
  if (project.alerts !== undefined) ignore("alerts", "choose what is an alarm");
  if (project.baseImages !== undefined) ignore("baseImages", "choose what images are built on");
  if (project.routing !== undefined && widensRouting(project.routing))
    ignore("routing, but for autoFix: false,", "choose where failures go");
  const routing = project.routing?.autoFix === false ? { ...config.routing, autoFix: false } : config.routing;
  return {
    ...config,
    routing,
    roots: roots ?? config.roots,
    toolsets: toolsets ?? config.toolsets,
    readOnly: config.readOnly || project.readOnly === true,
    warnings,
  };
}

function absolutePaths(file: ConfigFile, path: string, homeDirectory: string): ConfigFile {
  const { roots, registryCredentials, plugins } = file;
  const folder = dirname(path);
  const expand = (root: string): string =>
    root === "~" || root.startsWith("~/") ? join(homeDirectory, root.slice(1)) : resolve(folder, root);
  return {
    ...file,
    ...(roots === undefined ? {} : { roots: roots.map(expand) }),
    ...(plugins === undefined ? {} : { plugins: plugins.map((plugin) => placed(plugin, folder, expand)) }),
    ...(registryCredentials === undefined
      ? {}
      : { registryCredentials: registryCredentials.map((text) => withAbsolutePath(text, folder, homeDirectory)) }),
  };
}

type PluginOfFile = NonNullable<ConfigFile["plugins"]>[number];

/** A plugin of a file: where its package's name starts, and its paths made absolute. */
function placed(
  plugin: PluginOfFile,
  folder: string,
  expand: (path: string) => string,
): PluginOfFile & { folder: string } {
  const isPath = /^(?:\.|~\/|\/)/.test(plugin.package);
  return {
    ...plugin,
    folder,
    package: isPath ? expand(plugin.package) : plugin.package,
    ...(plugin.read === undefined ? {} : { read: plugin.read.map(expand) }),
  };
}

function stateFolder(environment: ConfigSources["environment"], homeDirectory: string): string {
  const named = nonEmpty(environment["CONTAINER_KIT_HOME"]);
  if (named !== undefined) return resolve(named);
  const state = absolute(environment["XDG_STATE_HOME"]) ?? join(homeDirectory, ".local", "state");
  return join(state, "container-kit");
}

function logLevel(environment: ConfigSources["environment"]): LogLevel | undefined {
  const value = nonEmpty(environment["CONTAINER_KIT_LOG_LEVEL"]);
  if (value === undefined) return undefined;
  const known = LOG_LEVELS.find((level) => level === value);
  if (known !== undefined) return known;
  throw fail("INVALID_INPUT", `CONTAINER_KIT_LOG_LEVEL is "${value}"`, {
    remedy: `Set it to one of ${LOG_LEVELS.join(", ")}.`,
  });
}

/** A relative folder in one of the XDG variables is to be ignored, says their specification. */
function absolute(value: string | undefined): string | undefined {
  return value !== undefined && isAbsolute(value) ? value : undefined;
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}

/** Whether a path is the folder or lies in it, by name alone. */
function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}
