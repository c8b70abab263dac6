/** A Dockerfile written for a Node module: a program, or a site that a web server hands out. */
import { isBuilt } from "../analysis/module-readings.ts";
import { joinPath, relativeTo } from "../analysis/path.ts";
import type { SourceTree } from "../analysis/source-tree.ts";
import { renderDockerignore } from "../dockerfile/dockerignore.ts";
import { placeOf, planProgram, planSite } from "../dockerfile/plan.ts";
import type { NodePlan } from "../dockerfile/plan.ts";
import { renderProgram } from "../dockerfile/program-template.ts";
import { renderSite, sitePort } from "../dockerfile/site-template.ts";
import { fail } from "../errors.ts";
import type { CheckResult } from "../quality/check.ts";
import { readIgnoreRules } from "../quality/ignore-rules.ts";
import { readDockerfile } from "../quality/model.ts";
import { scoreDockerfile } from "../quality/score.ts";
import { checkCopySources, checkHealthTool, copiedPaths } from "../quality/semantic-checks.ts";
import type { AnalysisWarning, SourceModule } from "../types.ts";
import { isRunnable } from "./choose-module.ts";
import { readIgnoreFile, warnOfWeakIgnore } from "./ignore-file.ts";
import type { BuildStrategy, StrategySubject } from "./strategy.ts";

/** See the file's head. */
export const nodeTemplate: BuildStrategy = {
  name: "node-template",
  isNew: true,
  consider: ({ analysis, module }) => {
    const name = "node-template";
    if (module === null) {
      const runnable = analysis.modules.filter(isRunnable).map((one) => one.path);
      const why =
        runnable.length > 1
          ? `Several modules can run (${runnable.slice(0, 10).join(", ")}); none was named.`
          : "There is no Node module.";
      return { name, score: 0, reasons: [why] };
    }
    if (module.node.manifestDamaged)
      return {
        name,
        score: 0,
        reasons: [`The package.json of ${module.path} does not parse, so its package manager refuses it too.`],
      };
    if (!isRunnable(module)) return { name, score: 0, reasons: [`${module.path} has no start command and no site.`] };
    const reasons = [describe(module), `Started as ${module.startCommand ?? "files behind nginx"}.`];
    if (module.lockfile === null) reasons.push("Without a lockfile two builds may differ.");
    return { name, score: module.lockfile === null ? 60 : 80, reasons };
  },
  generate: async (subject, tree, options) => {
    const module = requireModule(subject);
    const { site } = module.node;
    const plan =
      site === null ? planProgram(subject.analysis, module, options) : planSite(subject.analysis, module, options);
    const content = site === null ? renderProgram(plan) : renderSite(plan, site);
    const place = placeOf(module);
    const model = readDockerfile(content);
    const existing = await readIgnoreFile(tree, place.dockerfile, place.context);
    const outputs = plan.buildSteps === null ? [] : (module.node.build?.outputs ?? []);
    const proposed = {
      path: place.dockerignore,
      content: renderDockerignore({
        outputs: outputs.map((output) => joinPath(plan.moduleFolder, output)),
        copied: copiedPaths(model),
      }),
    };
    const dockerignore = existing ?? proposed;
    const { score, checks } = scoreDockerfile(content);
    const semantic = [
      await checkCopySources(model, tree, place.context, readIgnoreRules(dockerignore.content)),
      ...checkHealthTool(model),
      ...(await planChecks(plan, tree, site !== null)),
    ];
    return {
      context: place.context,
      dockerfile: { path: place.dockerfile, content },
      dockerignore,
      checks: [...checks, ...semantic],
      score,
      warnings: [...(existing === null ? [] : warnOfWeakIgnore(existing)), ...planWarnings(plan)],
    };
  },
};

function requireModule({ module, analysis }: StrategySubject): SourceModule {
  if (module !== null) return module;
  throw fail("UNSUPPORTED", `${analysis.root} has no single Node module to write a Dockerfile for`, {
    remedy: "Name the module.",
  });
}

function describe(module: SourceModule): string {
  const { framework, packageManager, languageVersion, path } = module;
  const what = `${framework ?? module.language} on Node`;
  return `${path === "." ? "The repository" : path} is ${what} ${languageVersion.value}, installed with ${packageManager}.`;
}

/** What the plan knows that the text does not show. */
async function planChecks(plan: NodePlan, tree: SourceTree, isSite: boolean): Promise<CheckResult[]> {
  const { module, ports } = plan;
  const [port] = ports;
  const lockfile = {
    id: "lockfile",
    ok: module.lockfile !== null,
    message: module.lockfile ?? `no lockfile for ${module.packageManager}; write one and commit it`,
  };
  if (isSite)
    return [lockfile, { id: "port-coherence", ok: true, message: `nginx listens on ${sitePort}, which is exposed` }];
  const isServer = module.kind === "server";
  const unknown = isServer
    ? "the port of this server is not known; read PORT from the environment, or add EXPOSE and HEALTHCHECK"
    : "it opens no port";
  return [
    lockfile,
    {
      id: "port-coherence",
      ok: port !== undefined || !isServer,
      message: port === undefined ? unknown : `exposes ${port.port}, which comes from ${port.source}`,
    },
    signalCheck(plan),
    await startFileCheck(plan, tree),
  ];
}

/** The kernel does not end process 1 on a signal that it has no handler for. */
function signalCheck({ module, start }: NodePlan): CheckResult {
  const id = "signals";
  if (start.shell)
    return { id, ok: false, message: "a shell line starts the program; write the start script as one command" };
  const program = start.argv.join(" ");
  const isDeaf = module.kind === "server" && module.node.handlesTermination === false;
  if (!isDeaf) return { id, ok: true, message: `process 1 is ${program} and gets its signals` };
  return {
    id,
    ok: false,
    message: `${program} is process 1 and its code handles no SIGTERM, so every stop lasts until the engine kills it; handle SIGTERM, or run with --init`,
  };
}

async function startFileCheck({ module, start }: NodePlan, tree: SourceTree): Promise<CheckResult> {
  const id = "start-file";
  const { entrypoint } = start;
  if (entrypoint === null) return { id, ok: true, message: `${start.argv[0] ?? ""} comes from the dependencies` };
  const written = isBuilt(module.node.build, entrypoint);
  const exists = written || (await tree.exists(joinPath(module.path, entrypoint)));
  return {
    id,
    ok: exists,
    message: exists
      ? `${entrypoint} is ${written ? "written by the build" : "in the image"}`
      : `${entrypoint} is neither in the repository nor written by a build`,
  };
}

const publicBuildVariables = new Set(["vite", "next", "create-react-app", "vue", "astro", "sveltekit", "nuxt"]);

function planWarnings(plan: NodePlan): AnalysisWarning[] {
  const { module } = plan;
  const { node } = module;
  const manifest = joinPath(node.installRoot, node.manifest);
  const warnings: AnalysisWarning[] = [];
  const isStandalone = plan.contents.kind === "standalone-next" || plan.contents.kind === "standalone-folder";
  if (
    plan.installsAll &&
    node.hasDevDependencies &&
    plan.pruneFrom === null &&
    !isStandalone &&
    node.site === null &&
    !plan.start.needsDevDependencies
  ) {
    const message = `${module.packageManager} ${node.packageManagerVersion ?? ""} cannot take development dependencies out again; they stay in the image.`;
    warnings.push({ code: "DEV_DEPENDENCIES_KEPT", message, file: manifest });
  }
  if (plan.sourceBeforeInstall) {
    const message =
      "The install scripts read the source, so every change of it installs everything again; move the step into the build script.";
    warnings.push({ code: "INSTALL_SCRIPTS_NEED_SOURCE", message, file: manifest });
  }
  const [first] = node.secretFiles;
  if (first !== undefined) {
    const inlined =
      publicBuildVariables.has(module.framework ?? "") &&
      node.secretFiles.some((file) => /(^|\/)\.env(\.production)?$/.test(file));
    const how = inlined
      ? "what the build should see is passed as build arguments, the rest when it runs"
      : "pass what they hold when it runs";
    const names = node.secretFiles
      .slice(0, 5)
      .map((file) => relativeTo(node.installRoot, joinPath(node.installRoot, file)))
      .join(", ");
    warnings.push({
      code: "ENV_FILE_LEFT_OUT",
      message: `${names}: not part of the image; ${how}.`,
      file: joinPath(node.installRoot, first),
    });
  }
  return warnings;
}
