/**
 * The command lines of each package manager.
 *
 * - M1  Only npm comes with every Node image, so the others are run through it in an exact version: corepack leaves
 *       Node with version 25 and refuses some registries' signatures.
 * - M2  Every argument here is ours, or has passed the form of a version or of a path.
 */
import type { NodeFacts, NodePackageManager } from "../types.ts";
import { shellWord } from "./text.ts";

export interface PackageManagerCommands {
  /** Values of `--mount` for the steps that fetch packages. */
  readonly mounts: readonly string[];
  /** The same for the steps that run scripts: where npx brings the manager, its cache spares a download. */
  readonly scriptMounts: readonly string[];
  /** Variables of the stages that install and build. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything, for a build. */
  readonly install: string;
  /** Production dependencies into an empty folder; null when the manager cannot. */
  readonly installProduction: string | null;
  /** Takes devDependencies out of what `install` left; null when the manager cannot. */
  readonly prune: string | null;
  /** Runs a script of the root manifest. */
  readonly runScript: (script: string) => string;
  /** Runs a module's script in its workspace, after the build of the modules that it depends on. */
  readonly runInWorkspace: (target: WorkspaceTarget) => string[];
}

interface WorkspaceTarget {
  readonly folder: string;
  readonly script: string;
  /** Modules to be built first, in order. */
  readonly before: readonly string[];
}

export interface CommandInput {
  readonly manager: NodePackageManager;
  readonly facts: NodeFacts;
  readonly locked: boolean;
}

const npmCache = "type=cache,target=/root/.npm";

/** The commands for one module's install root. */
export function packageManagerCommands(input: CommandInput): PackageManagerCommands {
  switch (input.manager) {
    case "npm":
      return npmCommands(input);
    case "pnpm":
      return pnpmCommands(input);
    case "yarn":
      return yarnCommands(input);
    default:
      return bunCommands(input);
  }
}

/** A .npmrc with credentials is lent to the step and leaves no trace; a build without it goes on. */
function secretMount(facts: NodeFacts): string[] {
  return facts.npmrc === "credentials" ? ["type=secret,id=npmrc,target=/root/.npmrc"] : [];
}

function eachInTurn(target: WorkspaceTarget, command: (folder: string, script: string) => string): string[] {
  const before = target.before.map((folder) => command(shellWord(folder), "build"));
  return [...before, command(shellWord(target.folder), shellWord(target.script))];
}

function npmCommands({ facts, locked }: CommandInput): PackageManagerCommands {
  // npm 6, of Node 14 and older, knows only the older name.
  const omit = facts.major < 15 ? "--only=production" : "--omit=dev";
  const verb = `npm ${locked ? "ci" : "install"}`;
  return {
    mounts: [npmCache, ...secretMount(facts)],
    scriptMounts: [],
    env: {},
    install: `${verb} --no-audit --no-fund`,
    installProduction: `${verb} ${omit} --no-audit --no-fund`,
    prune: facts.major < 15 ? "npm prune --production" : "npm prune --omit=dev --no-audit --no-fund",
    runScript: (script) => `npm run ${shellWord(script)}`,
    runInWorkspace: (target) => eachInTurn(target, (folder, script) => `npm run ${script} --workspace=${folder}`),
  };
}

function pnpmCommands({ facts, locked }: CommandInput): PackageManagerCommands {
  const pnpm = `npx --yes pnpm@${facts.packageManagerVersion ?? "10"}`;
  const frozen = `${locked ? "--frozen-lockfile" : "--no-frozen-lockfile"} --store-dir=/pnpm/store`;
  return {
    mounts: [npmCache, "type=cache,target=/pnpm/store", ...secretMount(facts)],
    scriptMounts: [npmCache],
    // CI: pnpm asks before it removes modules, and nobody answers in a build.
    env: { CI: "true" },
    install: `${pnpm} install ${frozen}`,
    installProduction: `${pnpm} install --prod ${frozen}`,
    // `pnpm prune` knows no workspaces; without the age, what was taken out would stay in .pnpm for a week.
    prune: `${pnpm} install --prod --ignore-scripts --config.modules-cache-max-age=0 ${frozen}`,
    runScript: (script) => `${pnpm} run ${shellWord(script)}`,
    runInWorkspace: ({ folder, script }) => [
      `${pnpm} --filter ${shellWord(`{./${folder}}...`)} run ${shellWord(script)}`,
    ],
  };
}

function yarnCommands(input: CommandInput): PackageManagerCommands {
  const version = input.facts.packageManagerVersion ?? "1";
  return Number.parseInt(version, 10) >= 2 ? modernYarn(input, version) : classicYarn(input, version);
}

function classicYarn({ facts, locked }: CommandInput, version: string): PackageManagerCommands {
  const yarn = `npx --yes yarn@${version}`;
  const frozen = locked ? " --frozen-lockfile" : "";
  return {
    mounts: [npmCache, "type=cache,target=/usr/local/share/.cache/yarn", ...secretMount(facts)],
    scriptMounts: [npmCache],
    env: {},
    install: `${yarn} install${frozen} --non-interactive`,
    installProduction: `${yarn} install${frozen} --non-interactive --production`,
    prune: `${yarn} install${frozen} --non-interactive --production --ignore-scripts --prefer-offline`,
    runScript: (script) => `${yarn} run ${shellWord(script)}`,
    runInWorkspace: (target) => eachInTurn(target, (folder, script) => `${yarn} --cwd ${folder} run ${script}`),
  };
}

function modernYarn({ facts, locked }: CommandInput, version: string): PackageManagerCommands {
  const yarn = facts.yarnPath === null ? `npx --yes @yarnpkg/cli-dist@${version}` : `node ${shellWord(facts.yarnPath)}`;
  const frozen = locked ? " --immutable" : " --no-immutable";
  const focus = facts.yarnCanFocus ? `${yarn} workspaces focus --all --production` : null;
  return {
    mounts: [npmCache, "type=cache,target=/root/.yarn/berry/cache"],
    scriptMounts: [npmCache],
    // Plug'n'Play would need its loader at run time; node_modules needs nothing. The lockfile is the same.
    env: { YARN_NODE_LINKER: "node-modules", YARN_ENABLE_GLOBAL_CACHE: "true", YARN_ENABLE_TELEMETRY: "0" },
    install: `${yarn} install${frozen}`,
    installProduction: null,
    prune: focus,
    runScript: (script) => `${yarn} run ${shellWord(script)}`,
    runInWorkspace: (target) => eachInTurn(target, (folder, script) => `${yarn} --cwd ${folder} run ${script}`),
  };
}

function bunCommands({ facts, locked }: CommandInput): PackageManagerCommands {
  const frozen = locked ? " --frozen-lockfile" : "";
  return {
    mounts: ["type=cache,target=/root/.bun/install/cache", ...secretMount(facts)],
    scriptMounts: [],
    env: {},
    install: `bun install${frozen}`,
    installProduction: `bun install${frozen} --production`,
    prune: `rm -rf node_modules && bun install${frozen} --production`,
    runScript: (script) => `bun run ${shellWord(script)}`,
    runInWorkspace: (target) => eachInTurn(target, (folder, script) => `bun run --cwd ${folder} ${script}`),
  };
}
