/** How a module is meant to run: it listens, it is files for a web server, it is a command, or that is not known. */
export type ModuleKind = "server" | "static" | "cli" | "unknown";

/** The package managers of Node. */
export type NodePackageManager = "npm" | "yarn" | "pnpm" | "bun";

/** The tools that keep several modules in one repository. */
export type MonorepoTool = NodePackageManager | "turbo" | "nx" | "lerna" | "moon" | "rush";

/** What an analysis may warn of; stable, programs branch on it. */
export type WarningCode =
  | "MANIFEST_INVALID"
  | "FILE_TOO_LARGE"
  | "FILE_UNREADABLE"
  | "TREE_TRUNCATED"
  | "LINK_OUTSIDE"
  | "VERSION_DISAGREES"
  | "VERSION_END_OF_LIFE"
  | "VERSION_UNREADABLE"
  | "LOCKFILE_MISSING"
  | "LOCKFILE_CONFLICT"
  | "PACKAGE_MANAGER_DISAGREES"
  | "PORT_UNKNOWN"
  | "PORT_DISAGREES"
  | "PORT_PRIVILEGED"
  | "LISTENS_ON_LOOPBACK"
  | "START_UNKNOWN"
  | "START_FILE_MISSING"
  | "START_CHANGED"
  | "START_NEEDS_DEV_DEPENDENCIES"
  | "BUILD_COMMAND_SKIPPED"
  | "PLATFORM_UNSUPPORTED"
  | "CREDENTIALS_IN_NPMRC"
  | "ENV_FILE_LEFT_OUT"
  | "BROWSER_NEEDED"
  | "DOCKERFILE_NOT_CHOSEN"
  | "DOCKERIGNORE_WEAK"
  | "DEV_DEPENDENCIES_KEPT"
  | "INSTALL_SCRIPTS_NEED_SOURCE";

/** Something that the reader should know and that does not stop the work. */
export interface AnalysisWarning {
  readonly code: WarningCode;
  readonly message: string;
  /** Relative to the repository's root. */
  readonly file?: string;
}

/** A port that the module listens on, and where that was read. */
export interface ModulePort {
  readonly port: number;
  /** `file:line`, or what kind of default it is. */
  readonly source: string;
}

/** How the module is started without a package manager in between. */
export interface StartPlan {
  /** What runs as process 1. */
  readonly argv: readonly string[];
  /** Variables that the start script sets. */
  readonly env: Readonly<Record<string, string>>;
  /** The file that runs, relative to the module, when it is known. */
  readonly entrypoint: string | null;
  /** Where the command was read. */
  readonly source: string;
  /** Whether it runs through `sh -c`. */
  readonly shell: boolean;
  /** Whether its program comes from devDependencies, so that these must stay in the image. */
  readonly needsDevDependencies: boolean;
}

/** What a build leaves behind, relative to the module. */
export interface BuildPlan {
  /** The script's name, or null when a program of the devDependencies is run directly. */
  readonly script: string | null;
  /** The program and its arguments when there is no script. */
  readonly argv: readonly string[];
  /** Folders that the build writes; empty when that is not known. */
  readonly outputs: readonly string[];
}

/** What the Node template needs to know and the contract's fields do not say. */
export interface NodeFacts {
  /** The major version of the base image's tag. */
  readonly major: number;
  readonly version: string | null;
  readonly description: string | null;
  readonly license: string | null;
  readonly homepage: string | null;
  /** The exact version or the major of the package manager that is to be used, or null for the base image's own. */
  readonly packageManagerVersion: string | null;
  /** The folder that is installed and built from: the module's, or its workspace's root. Relative to the repository. */
  readonly installRoot: string;
  /** Files and folders that an install reads, relative to `installRoot`. */
  readonly installInputs: readonly string[];
  /** The manifest at `installRoot`, relative to it. */
  readonly manifest: string;
  /** Module folders (relative to `installRoot`) whose manifests belong to the workspace; empty outside one. */
  readonly workspaceFolders: readonly string[];
  /** Of these, the ones that the module needs, each before those that need it, itself last. */
  readonly neededFolders: readonly string[];
  /** Of the needed ones, those that have a build script of their own, without the module. */
  readonly builtFirst: readonly string[];
  /** The manifest at `installRoot` does not parse as its package manager reads it. */
  readonly manifestDamaged: boolean;
  /** Whether the build writes into node_modules (Prisma's client), so that these must come from the build. */
  readonly buildWritesModules: boolean;
  readonly hasDevDependencies: boolean;
  /** Whether the root manifest has install scripts, which run in every install. */
  readonly installScripts: "none" | "harmless" | "need-source";
  readonly npmrc: "none" | "plain" | "credentials";
  readonly yarnPath: string | null;
  readonly yarnCanFocus: boolean;
  /** Dependencies that compile on install. */
  readonly nativeDependencies: readonly string[];
  /** Debian packages that the running program needs. */
  readonly runtimePackages: readonly string[];
  readonly start: StartPlan | null;
  readonly build: BuildPlan | null;
  /** The folder of built files that a web server serves, for `kind` static. */
  readonly site: { readonly folder: string; readonly historyFallback: boolean } | null;
  /** Folders that hold everything that is needed at run time, with no node_modules beside them. */
  readonly standalone: "next" | "folder" | null;
  /** Whether the code reads the variable PORT. */
  readonly readsPortVariable: boolean;
  /** Whether the code ends the program on SIGTERM; as process 1 it is not ended otherwise. Null when the code does not show it. */
  readonly handlesTermination: boolean | null;
  /** A route of the code that tells health, e.g. `/health`. */
  readonly healthPath: string | null;
  /** Entries at the module's root that a running program may read, relative to the module. */
  readonly runtimeEntries: readonly string[];
  /** Files of the install root that look like secrets. */
  readonly secretFiles: readonly string[];
}

/** One thing in a repository that can be built and run by itself. */
export interface SourceModule {
  /** Relative to the repository's root, `.` for the root itself. */
  readonly path: string;
  readonly name: string | null;
  readonly platform: "node";
  readonly kind: ModuleKind;
  readonly language: "javascript" | "typescript";
  readonly languageVersion: { readonly value: string; readonly source: string };
  readonly framework: string | null;
  readonly packageManager: NodePackageManager;
  readonly buildCommand: string | null;
  readonly startCommand: string | null;
  readonly entrypoint: string | null;
  readonly ports: readonly ModulePort[];
  /** Relative to the repository's root. */
  readonly lockfile: string | null;
  /** Direct dependencies that the running program has: devDependencies are not counted. */
  readonly dependenciesCount: number;
  readonly node: NodeFacts;
}

/** A platform that was recognised by a file, supported or not. */
export interface SeenPlatform {
  readonly platform: string;
  readonly file: string;
}

/** What is known of a repository. */
export interface RepositoryAnalysis {
  /** Absolute, with symbolic links resolved. */
  readonly root: string;
  readonly modules: readonly SourceModule[];
  readonly monorepo: { readonly tool: MonorepoTool } | null;
  readonly existing: { readonly dockerfiles: readonly string[]; readonly composeFiles: readonly string[] };
  readonly seen: readonly SeenPlatform[];
  readonly warnings: readonly AnalysisWarning[];
}
