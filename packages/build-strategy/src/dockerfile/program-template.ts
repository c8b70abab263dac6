/** Writes the Dockerfile of a program, from its plan. */
import { joinPath } from "../analysis/path.ts";
import { isSecretName } from "../quality/secret-names.ts";
import { healthcheck } from "./health.ts";
import { labelLines } from "./labels.ts";
import type { NodePlan } from "./plan.ts";
import { bunImage } from "./plan.ts";
import { comment, copy, execForm, quoted, run } from "./text.ts";

/** The user that the images of Node and bun bring, by number so that a cluster can see that it is not root. */
const USER = "1000:1000";
const HOME = "/app";

/** The whole file. */
export function renderProgram(plan: NodePlan): string {
  const stages = [preamble(plan), dependenciesStage(plan), buildStage(plan), productionStage(plan), runtimeStage(plan)];
  return `${stages
    .filter((stage) => stage !== null)
    .map((stage) => stage.join("\n"))
    .join("\n\n")}\n`;
}

/** The stages that make what is served or run, for templates that run something else on it. */
export function renderBuild(plan: NodePlan, bases: readonly string[]): string[][] {
  return [preamble(plan, bases), dependenciesStage(plan), buildStage(plan) ?? []].filter((stage) => stage.length > 0);
}

/** Every base is named once, before the first stage, so that a build argument can replace it. */
function preamble(plan: NodePlan, bases: readonly string[] = []): string[] {
  const lines = ["# syntax=docker/dockerfile:1", "", `ARG ${plan.baseArg}=${plan.baseImage}`, ...bases];
  if (plan.borrowsBun)
    lines.push(`ARG BUN_IMAGE=${bunImage(plan.module.node.packageManagerVersion)}`, "", "FROM ${BUN_IMAGE} AS bun");
  return lines;
}

function from(plan: NodePlan, stage: string): string {
  return `FROM \${${plan.baseArg}} AS ${stage}`;
}

/** Installs from manifests and lockfile alone, so that this layer is kept while only the source changes. */
function dependenciesStage(plan: NodePlan): string[] {
  const { facts, commands } = { facts: plan.module.node, commands: plan.commands };
  const lines = [comment(installComment(plan)), from(plan, "dependencies"), `WORKDIR ${HOME}`];
  if (Object.keys(commands.env).length > 0) lines.push(environment(commands.env));
  if (facts.nativeDependencies.length > 0) lines.push(...buildTools(plan));
  if (plan.borrowsBun) lines.push(copy(["/usr/local/bin/bun"], "/usr/local/bin/bun", { from: "bun" }));
  lines.push(...copyInputs(facts.installInputs));
  if (plan.sourceBeforeInstall) lines.push(comment("The install scripts of package.json read the source."), "COPY . .");
  const install = plan.installsAll ? commands.install : (commands.installProduction ?? commands.install);
  // A project without dependencies gets no node_modules, and COPY wants one.
  lines.push(run(commands.mounts, [install, "mkdir -p node_modules"]));
  return lines;
}

function installComment(plan: NodePlan): string {
  const what = plan.installsAll ? "All dependencies" : "Production dependencies";
  return `${what}, installed before the source is copied: the layer is kept until a manifest or the lockfile changes.`;
}

/** Root files in one COPY; everything deeper keeps its folder. */
function copyInputs(inputs: readonly string[]): string[] {
  const flat = inputs.filter((path) => !path.includes("/") && path.includes("."));
  const deep = inputs.filter((path) => !flat.includes(path));
  return [copy(flat, "./"), ...deep.map((path) => copy([path], `./${path}`))];
}

function buildTools(plan: NodePlan): string[] {
  const why = comment(
    `${plan.module.node.nativeDependencies.join(", ")} may compile; the tools for it stay in this stage.`,
  );
  if (/alpine/.test(plan.baseImage))
    return [why, run(["type=cache,target=/var/cache/apk"], ["apk add g++ make python3"])];
  return [why, aptInstall(["g++", "make", "python3"])];
}

function aptInstall(packages: readonly string[]): string {
  return run(
    ["type=cache,target=/var/cache/apt,sharing=locked"],
    [
      "rm -f /etc/apt/apt.conf.d/docker-clean",
      "apt-get update",
      `apt-get install --yes --no-install-recommends ${packages.join(" ")}`,
      "rm -rf /var/lib/apt/lists/*",
    ],
  );
}

function buildStage(plan: NodePlan): string[] | null {
  if (plan.buildSteps === null && !plan.inWorkspace) return null;
  const title =
    plan.buildSteps === null ? "The source of the workspace." : "The build, with the development dependencies at hand.";
  const lines = [comment(title), "FROM dependencies AS build"];
  const telemetry = telemetryOff[plan.module.framework ?? ""];
  if (telemetry !== undefined) lines.push(environment(telemetry));
  if (!plan.sourceBeforeInstall) lines.push("COPY . .");
  for (const step of plan.buildSteps ?? []) lines.push(run(plan.commands.scriptMounts, [step]));
  if (plan.module.framework === "next" && plan.buildSteps !== null) {
    lines.push(run([], [`rm -rf ${joinPath(plan.moduleFolder, ".next/cache")}`]));
  }
  return lines;
}

const telemetryOff: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  next: { NEXT_TELEMETRY_DISABLED: "1" },
  nuxt: { NUXT_TELEMETRY_DISABLED: "1" },
  astro: { ASTRO_TELEMETRY_DISABLED: "1" },
  gatsby: { GATSBY_TELEMETRY_DISABLED: "1" },
};

function productionStage(plan: NodePlan): string[] | null {
  if (plan.pruneFrom === null || plan.commands.prune === null) return null;
  const title = comment("The same without the development dependencies.");
  return [
    title,
    `FROM ${plan.pruneFrom} AS production`,
    run(plan.commands.mounts, [plan.commands.prune, "mkdir -p node_modules"]),
  ];
}

function runtimeStage(plan: NodePlan): string[] {
  const { module, start, ports } = plan;
  const port = ports[0]?.port;
  const workdir = runFolder(plan);
  const lines = [
    comment("What runs."),
    from(plan, "runtime"),
    environment(runtimeEnvironment(plan)),
    `WORKDIR ${HOME}`,
  ];
  if (module.node.runtimePackages.length > 0) lines.push(runtimePackages(plan));
  lines.push(...copyContents(plan));
  if (workdir !== HOME) lines.push(`WORKDIR ${workdir}`);
  lines.push(`USER ${USER}`);
  if (port !== undefined) {
    lines.push(`EXPOSE ${ports.map((one) => one.port).join(" ")}`);
    const program = plan.baseArg === "BUN_IMAGE" ? "bun" : "node";
    const { major, readsPortVariable: readsPort, healthPath: path } = module.node;
    lines.push(healthcheck({ program, major, port, readsPort, path }));
  } else lines.push(comment("It opens no known port, so there is nothing to ask for its health."), "HEALTHCHECK NONE");
  lines.push(...labelLines(module, plan.baseArg));
  lines.push(module.kind === "cli" ? `ENTRYPOINT ${execForm(start.argv)}` : `CMD ${execForm(start.argv)}`);
  return lines;
}

function runtimePackages(plan: NodePlan): string {
  const packages = plan.module.node.runtimePackages;
  return /alpine/.test(plan.baseImage)
    ? run(["type=cache,target=/var/cache/apk"], [`apk add ${packages.join(" ")}`])
    : aptInstall(packages);
}

/** The folder in which the start command is right: the module's own, except where a framework moves the program. */
function runFolder(plan: NodePlan): string {
  return plan.inWorkspace && plan.contents.kind !== "standalone-folder" && plan.moduleFolder !== "."
    ? `${HOME}/${plan.moduleFolder}`
    : HOME;
}

function runtimeEnvironment(plan: NodePlan): Record<string, string> {
  const { module, start } = plan;
  const port = plan.ports[0]?.port;
  const own = Object.fromEntries(Object.entries(start.env).filter(([name]) => !isSecretName(name)));
  const needsPath = start.shell || !["node", "bun", "sh"].includes(start.argv[0] ?? "");
  const folders = [...new Set([`${runFolder(plan)}/node_modules/.bin`, `${HOME}/node_modules/.bin`])];
  return {
    NODE_ENV: "production",
    ...(port !== undefined && module.node.readsPortVariable ? { PORT: String(port) } : {}),
    // These servers bind what HOST or HOSTNAME says; an engine sets HOSTNAME to the container's own name.
    ...(module.framework === "next" ? { HOSTNAME: "0.0.0.0", NEXT_TELEMETRY_DISABLED: "1" } : {}),
    ...(["nuxt", "astro", "sveltekit", "tanstack-start"].includes(module.framework ?? "") ? { HOST: "0.0.0.0" } : {}),
    ...own,
    ...(needsPath ? { PATH: `${folders.join(":")}:$PATH` } : {}),
  };
}

/** PATH alone is meant to expand; it holds only folders of ours. */
function environment(variables: Readonly<Record<string, string>>): string {
  return `ENV ${Object.entries(variables).map(assignment).join(" \\\n    ")}`;
}

function assignment([name, value]: [string, string]): string {
  const isPlain = name === "PATH" || /^[\w.:/-]+$/.test(value);
  return `${name}=${isPlain ? value : quoted(value)}`;
}

function fromStage(stage: string, path: string): string {
  return copy([`${HOME}/${path}`], `./${path}`, { from: stage, chown: USER });
}

function copyContents(plan: NodePlan): string[] {
  const { contents } = plan;
  const modulesFrom = plan.pruneFrom === null ? "dependencies" : "production";
  const modules = fromStage(modulesFrom, "node_modules");
  const { manifest } = plan.module.node;
  switch (contents.kind) {
    case "source":
      return [modules, `COPY --chown=${USER} . .`];
    case "everything": {
      const last = plan.buildSteps === null && !plan.inWorkspace ? "dependencies" : "build";
      return [copy([`${HOME}/`], "./", { from: plan.pruneFrom === null ? last : "production", chown: USER })];
    }
    case "chosen":
      return [modules, ...[manifest, ...contents.entries].map((entry) => fromStage("build", entry))];
    case "workspace": {
      const stage = plan.pruneFrom === null ? "build" : "production";
      return ["node_modules", manifest, ...contents.folders].map((entry) => fromStage(stage, entry));
    }
    case "standalone-next":
      return copyNext(plan, contents.hasPublic);
    default:
      return [
        copy([`${HOME}/${joinPath(plan.moduleFolder, contents.folder)}`], `./${contents.folder}`, {
          from: "build",
          chown: USER,
        }),
      ];
  }
}

/** Next traces what its server needs into `.next/standalone`, below the folder of the lockfile; its files go beside it. */
function copyNext(plan: NodePlan, hasPublic: boolean): string[] {
  const at = (path: string): string => joinPath(plan.moduleFolder, path);
  const options = { from: "build", chown: USER };
  const lines = [
    copy([`${HOME}/${at(".next/standalone")}/`], "./", options),
    copy([`${HOME}/${at(".next/static")}`], `./${at(".next/static")}`, options),
  ];
  if (hasPublic) lines.push(copy([`${HOME}/${at("public")}`], `./${at("public")}`, options));
  return lines;
}
