import type { PluginEntry, PolicySource } from "@container-kit/atomic-runtime";
import type { RoutingRule } from "@container-kit/context-sharing";
import type { LogLevel } from "@container-kit/observability";
import type { TelemetrySettings } from "../telemetry/settings.ts";

/** A plugin to load. */
interface ConfiguredPlugin extends PluginEntry {
  /** Nothing acts while it is not loaded. */
  readonly required?: boolean | undefined;
}

/** The rules for failures of one file, and which others it leaves out. */
export interface RoutingSource {
  readonly source: string;
  readonly rules: readonly RoutingRule[];
  readonly disabled: readonly string[];
}

/** Where failures go next, as the files say. */
export interface RoutingSettings {
  /** Whether a route may propose to change files. */
  readonly autoFix: boolean;
  /** Null where nobody said. */
  readonly budget: number | null;
  /** The user's first: a later one replaces what bears the same name. */
  readonly sources: readonly RoutingSource[];
}

/** Everything that the program was told, merged: flags > environment > project file > user file > default. */
export interface Config {
  /** Absolute folders that tools may touch, or null where nobody said. */
  readonly roots: readonly string[] | null;
  /** Toolsets to serve, or null for those that are served by default. */
  readonly toolsets: readonly string[] | null;
  readonly readOnly: boolean;
  readonly logLevel: LogLevel;
  /** The state folder. */
  readonly home: string;
  /** `sqlite:PATH` or `postgres://…`. */
  readonly store: string;
  /** Whether the store may lie on a network file system, where its locks may not hold. */
  readonly allowNetworkFileSystem: boolean;
  /** Base image that a Dockerfile names, to the one that is used. */
  readonly baseImages: Readonly<Record<string, string>>;
  /** References to registry credentials, with absolute paths; see registry-credentials.ts. */
  readonly registryCredentials: readonly string[];
  /** Plugins to load, with absolute paths. */
  readonly plugins: readonly ConfiguredPlugin[];
  /** The rules of all files, the user's first. */
  readonly policy: readonly PolicySource[];
  readonly routing: RoutingSettings;
  readonly telemetry: TelemetrySettings;
  /** The configuration files that were found, in the order of their weight. */
  readonly files: readonly string[];
  /** What was ignored, and why; each one sentence. */
  readonly warnings: readonly string[];
}

/** What the command line says; what is absent was not said. */
export interface ConfigFlags {
  readonly config?: string;
  readonly roots?: readonly string[];
  readonly toolsets?: readonly string[];
  /** Where traces and measurements are sent. */
  readonly otlp?: string;
  readonly readOnly?: boolean;
  readonly registryCredentials?: readonly string[];
  /** Folders of untrusted plugins, beside those of the files. */
  readonly plugins?: readonly string[];
}
