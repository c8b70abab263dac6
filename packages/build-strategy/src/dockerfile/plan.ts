/**
 * Decides how the image of a Node module is put together, before a line of it is written.
 *
 * - N1  The stages that install and build never become part of the image; only what is copied out of them does.
 * - N2  What the program may read is copied. Where that is not known, everything is, and a warning says so.
 * - N3  A case that cannot be done truthfully is `UNSUPPORTED`, never a Dockerfile that fails later.
 */
import { joinPath } from "../analysis/path.ts";
import { fail } from "../errors.ts";
import type { ModulePort, RepositoryAnalysis, SourceModule, StartPlan } from "../types.ts";
import { isCopyable } from "./text.ts";
import { packageManagerCommands } from "./package-manager.ts";
import type { PackageManagerCommands } from "./package-manager.ts";

export interface PlanOptions {
  /** Replaces the base of the installing, building and running stages. */
  readonly baseImage?: string;
}

/** Which files the image gets. */
type Contents =
  | { readonly kind: "source" }
  | { readonly kind: "everything" }
  | { readonly kind: "chosen"; readonly entries: readonly string[] }
  | { readonly kind: "workspace"; readonly folders: readonly string[] }
  | { readonly kind: "standalone-next"; readonly hasPublic: boolean }
  | { readonly kind: "standalone-folder"; readonly folder: string };

export interface NodePlan {
  readonly module: SourceModule;
  readonly commands: PackageManagerCommands;
  /** `NODE_IMAGE` or `BUN_IMAGE`: the name of the ARG that carries the base. */
  readonly baseArg: "NODE_IMAGE" | "BUN_IMAGE";
  readonly baseImage: string;
  /** Bun installs and Node runs: its program is taken from its own image. */
  readonly borrowsBun: boolean;
  readonly inWorkspace: boolean;
  /** The module's folder relative to the install root. */
  readonly moduleFolder: string;
  /** Whether development dependencies are installed at all. */
  readonly installsAll: boolean;
  readonly sourceBeforeInstall: boolean;
  /** Commands of the build stage, or null when nothing is built. */
  readonly buildSteps: readonly string[] | null;
  /** The stage that production dependencies are cut down from, or null when nothing is cut. */
  readonly pruneFrom: "dependencies" | "build" | null;
  readonly contents: Contents;
  readonly start: StartPlan;
  /** The first is the one that is asked for its health. */
  readonly ports: readonly ModulePort[];
}

/** Plans a module that runs as a program. */
export function planProgram(analysis: RepositoryAnalysis, module: SourceModule, options: PlanOptions): NodePlan {
  return planNode(analysis, module, requireStart(analysis, module), options);
}

/** Plans the stages that build a site; nothing of Node runs in its image. */
export function planSite(analysis: RepositoryAnalysis, module: SourceModule, options: PlanOptions): NodePlan {
  const start: StartPlan = {
    argv: [],
    env: {},
    entrypoint: null,
    source: "none",
    shell: false,
    needsDevDependencies: false,
  };
  return planNode(analysis, module, start, options);
}

function planNode(
  analysis: RepositoryAnalysis,
  module: SourceModule,
  start: StartPlan,
  options: PlanOptions,
): NodePlan {
  refuseUnfit(analysis, module, options);
  const facts = module.node;
  const commands = packageManagerCommands({ manager: module.packageManager, facts, locked: module.lockfile !== null });
  const runsOnBun = start.argv[0] === "bun";
  const inWorkspace = facts.workspaceFolders.length > 0;
  const sourceBeforeInstall = facts.installScripts === "need-source";
  const moduleFolder = module.path === facts.installRoot ? "." : relative(facts.installRoot, module.path);
  const buildSteps = planBuild(module, commands, moduleFolder);
  const contents = planContents(module, start, { inWorkspace, sourceBeforeInstall, builds: buildSteps !== null });
  const isStandalone = contents.kind === "standalone-next" || contents.kind === "standalone-folder";
  const hasStage = buildSteps !== null || inWorkspace;
  const installsAll =
    hasStage || facts.installScripts !== "none" || start.needsDevDependencies || commands.installProduction === null;
  const cuts =
    installsAll && facts.hasDevDependencies && !start.needsDevDependencies && commands.prune !== null && !isStandalone;
  const fromBuild = hasStage && (inWorkspace || facts.buildWritesModules || contents.kind === "everything");
  const chosen = facts.readsPortVariable ? [{ port: 3000, source: "this template, because the code reads PORT" }] : [];
  return {
    module,
    commands,
    start,
    inWorkspace,
    moduleFolder,
    installsAll,
    sourceBeforeInstall,
    buildSteps,
    contents,
    baseArg: runsOnBun ? "BUN_IMAGE" : "NODE_IMAGE",
    baseImage: options.baseImage ?? (runsOnBun ? bunImage(facts.packageManagerVersion) : nodeImage(facts.major)),
    borrowsBun: module.packageManager === "bun" && !runsOnBun,
    pruneFrom: cuts ? (fromBuild ? "build" : "dependencies") : null,
    ports: module.ports.length > 0 ? module.ports : chosen,
  };
}

/** The small Debian image of a Node line. */
function nodeImage(major: number): string {
  return `node:${major}-slim`;
}

/** The small Debian image of bun. */
export function bunImage(version: string | null): string {
  return `oven/bun:${version ?? "1"}-slim`;
}

function relative(root: string, path: string): string {
  return root === "." ? path : path.slice(root.length + 1);
}

function requireStart(analysis: RepositoryAnalysis, module: SourceModule): StartPlan {
  if (module.node.start !== null) return module.node.start;
  const others = analysis.modules
    .filter((other) => other.node.start !== null || other.node.site !== null)
    .map((other) => other.path);
  const framework = module.framework === null ? "no framework" : module.framework;
  throw fail(
    "UNSUPPORTED",
    `${module.path} has no start command: ${framework}, no start script, no file that is usually run`,
    {
      remedy:
        others.length === 0
          ? "Add a start script to its package.json."
          : `Add a start script to its package.json, or name one of the modules that run: ${others.slice(0, 10).join(", ")}.`,
      details: { module: module.path, seen: ["node"], framework: module.framework, runnable: others },
    },
  );
}

/** What no template can do for a module (N3). */
function refuseUnfit(analysis: RepositoryAnalysis, module: SourceModule, { baseImage }: PlanOptions): void {
  const details = { module: module.path, seen: ["node"] };
  if (analysis.monorepo?.tool === "rush") {
    throw fail(
      "UNSUPPORTED",
      "rush keeps the lockfile of all projects in a folder of its own, which no template here installs from",
      {
        remedy: "Deploy the project with `rush deploy` and write a Dockerfile for that folder.",
        details,
      },
    );
  }
  if (!/^[\w@./-]+$/.test(module.node.installRoot === module.path ? "." : module.path)) {
    throw fail(
      "UNSUPPORTED",
      `the folder ${JSON.stringify(module.path)} cannot be a working directory in every instruction`,
      {
        remedy: "Rename it to letters, digits, dots, dashes and underscores.",
        details,
      },
    );
  }
  if (baseImage !== undefined && !/^[a-z0-9][\w./:@-]{0,250}$/.test(baseImage)) {
    throw fail("INVALID_INPUT", `baseImage ${JSON.stringify(baseImage.slice(0, 100))} is not an image reference`, {
      remedy: "Write it as [registry/]repository[:tag][@digest], in lower case.",
    });
  }
  if (baseImage !== undefined && /distroless|\bscratch\b/.test(baseImage)) {
    throw fail("UNSUPPORTED", `${baseImage} has no shell, and the stages that install need one`, {
      remedy: "Name a base with a shell and npm, such as node:24-slim.",
      details,
    });
  }
}

function planBuild(module: SourceModule, commands: PackageManagerCommands, moduleFolder: string): string[] | null {
  const { build, builtFirst, workspaceFolders } = module.node;
  const first = builtFirst.filter((folder) => folder !== moduleFolder);
  if (build === null) {
    const last = first.at(-1);
    return last === undefined
      ? null
      : commands.runInWorkspace({ folder: last, script: "build", before: first.slice(0, -1) });
  }
  if (build.script === null) {
    const direct = `npx ${build.argv.join(" ")}`;
    return [moduleFolder === "." ? direct : `cd ${moduleFolder} && ${direct}`];
  }
  const isMember = workspaceFolders.includes(moduleFolder);
  return isMember
    ? commands.runInWorkspace({ folder: moduleFolder, script: build.script, before: first })
    : [commands.runScript(build.script)];
}

interface ContentsInput {
  readonly inWorkspace: boolean;
  readonly sourceBeforeInstall: boolean;
  readonly builds: boolean;
}

/** (N2) */
function planContents(module: SourceModule, start: StartPlan, input: ContentsInput): Contents {
  const { build, standalone, runtimeEntries, neededFolders, workspaceFolders } = module.node;
  const outputs = build?.outputs ?? [];
  if (standalone === "next") return { kind: "standalone-next", hasPublic: runtimeEntries.includes("public") };
  if (standalone === "folder" && outputs[0] !== undefined) return { kind: "standalone-folder", folder: outputs[0] };
  if (input.inWorkspace) {
    const isMember = workspaceFolders.includes(neededFolders.at(-1) ?? ".");
    return isMember ? { kind: "workspace", folders: neededFolders } : { kind: "everything" };
  }
  if (!input.builds) return input.sourceBeforeInstall ? { kind: "everything" } : { kind: "source" };
  const entries = [...outputs, ...runtimeEntries];
  const { entrypoint } = start;
  const holds = (entry: string): boolean => entrypoint === entry || entrypoint?.startsWith(`${entry}/`) === true;
  const isFramework = entrypoint === null && !start.shell && outputs.length > 0;
  const isKnown = entries.some(holds) || isFramework;
  return isKnown && entries.every(isCopyable) ? { kind: "chosen", entries } : { kind: "everything" };
}

/** The path of a module's Dockerfile and of its context, relative to the repository. */
export function placeOf(module: SourceModule): { context: string; dockerfile: string; dockerignore: string } {
  const context = module.node.installRoot;
  const dockerfile = joinPath(module.path, "Dockerfile");
  // Beside a Dockerfile that is not at its context's root, only `<Dockerfile>.dockerignore` leaves other images' rules alone.
  const dockerignore = module.path === context ? joinPath(context, ".dockerignore") : `${dockerfile}.dockerignore`;
  return { context, dockerfile, dockerignore };
}
