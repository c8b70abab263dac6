/** Writes down what is known of one Node module. */
import type { BuildPlan, ModuleKind, NodePackageManager, SourceModule } from "../types.ts";
import { chooseDockerfile } from "./existing.ts";
import { serverFrameworks } from "./framework.ts";
import { commandStart, readModule } from "./module-readings.ts";
import type { ModuleInput, ModuleReadings } from "./module-readings.ts";
import { warnOfGaps } from "./module-warnings.ts";
import { describeFacts } from "./node-facts.ts";
import { findPorts } from "./ports.ts";

/** Analyses one module. */
export async function describeNodeModule(input: ModuleInput): Promise<SourceModule> {
  const { tree, folder, manifest, warnings, existing } = input;
  const readings = await readModule(input);
  const { version, manager, framework, build, delivery, code } = readings;
  const ports = await findPorts({
    tree,
    folder,
    code,
    start: delivery.start,
    defaultPort: delivery.defaultPort,
    framework,
    dockerfile: chooseDockerfile(existing.dockerfiles, folder),
    composeFiles: existing.composeFiles,
    warnings,
  });
  const kind = kindOf(input, readings, ports.length > 0);
  await warnOfGaps(input, readings, kind, ports.length > 0);
  const start = kind === "cli" ? commandStart(manifest) : delivery.start;
  return {
    path: folder,
    name: manifest.name,
    platform: "node",
    kind,
    language: readings.language,
    languageVersion: { value: version.value, source: version.source },
    framework,
    packageManager: manager.name,
    buildCommand: buildText(build, manager.name),
    startCommand: start === null ? null : startText(start.argv, start.shell),
    entrypoint: start?.entrypoint ?? null,
    ports: kind === "static" ? [] : ports,
    lockfile: manager.lockfile,
    dependenciesCount: Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).length,
    node: describeFacts(input, readings, start),
  };
}

function kindOf(
  { manifest }: ModuleInput,
  { delivery, framework, code }: ModuleReadings,
  hasPorts: boolean,
): ModuleKind {
  if (delivery.site !== null) return "static";
  const answers = delivery.readsPort || (framework !== null && serverFrameworks.has(framework));
  if (delivery.start !== null && (answers || hasPorts || code.listening.length > 0)) return "server";
  return Object.keys(manifest.bin).length > 0 && manifest.scripts["start"] === undefined ? "cli" : "unknown";
}

function buildText(build: BuildPlan | null, manager: NodePackageManager): string | null {
  if (build === null) return null;
  return build.script === null ? `npx ${build.argv.join(" ")}` : `${manager} run ${build.script}`;
}

function startText(argv: readonly string[], shell: boolean): string {
  return shell ? (argv[2] ?? "") : argv.join(" ");
}
