import { isAbsolute, resolve } from "node:path";
import { createLogger, createRedactor } from "@container-kit/observability";
import type { LoadedPlugins, PluginReport } from "@container-kit/atomic-runtime";
import type { Config } from "../../config/config.ts";
import { fail } from "../../errors.ts";
import type { OpenPluginsOptions } from "../../plugins/open-plugins.ts";
import { toLine, toPlainText } from "../../text/plain.ts";
import { configure } from "../command.ts";
import type { Command, CommandContext } from "../command.ts";
import { EXIT } from "../exit-status.ts";

/** `plugins list`: the configured plugins, without pinning or refusing what changed. */
export const listPlugins: Command<undefined> = async (_args, context) => {
  const { reports } = await look(await configure(context), context);
  context.output.text(
    reports.length === 0 ? "No plugin is configured." : reports.map((report) => describe(report)).join("\n\n"),
  );
  context.output.document({ plugins: reports });
  return reports.every(isServed) ? EXIT.done : EXIT.failed;
};

/** `plugins check`: one plugin by its folder, whatever the configuration says. */
export const checkPlugin: Command<{ readonly path: string }> = async ({ path }, context) => {
  const config = await configure(context);
  const folder = resolve(context.host.workingDirectory, path);
  const { reports } = await look({ ...config, plugins: [{ package: folder }] }, context);
  const [report] = reports;
  if (report === undefined) throw fail("INTERNAL", "the plugin was not looked at");
  if (report.problem !== undefined) {
    context.output.failure(report.problem, { ok: false, plugin: report, error: report.problem });
    return EXIT.failed;
  }
  // What the flag --plugin has loaded is no plugin of the configuration, and known by its folder alone.
  context.output.text(describe(report, path));
  context.output.document({ ok: true, plugin: report });
  return EXIT.done;
};

/** `plugins approve`: pins a plugin of the configuration, or one by its folder, as it is now. */
export const approvePlugin: Command<{ readonly name: string }> = async ({ name }, context) => {
  const config = await configure(context);
  const folder = resolve(context.host.workingDirectory, name);
  const before = await look(config, context);
  const isMeant = (one: PluginReport): boolean => one.name === name || one.package === name || one.folder === folder;
  const configured = before.reports.find(isMeant);
  const entries = configured === undefined ? [{ package: folder }] : entriesOf(config, configured);
  const report = configured ?? (await lookAtFolder(folder, config, context));
  if (report === undefined) {
    const known = before.reports.map((one) => one.name ?? one.package).join(", ");
    throw fail("NOT_FOUND", `no plugin ${toLine(name, 64)} is configured`, {
      remedy: `${known === "" ? "Name it under plugins in container-kit.yaml first" : `Choose from ${known}`}, or give the folder of its package.`,
    });
  }
  // What its tools take of others' stays defined, though only this one is loaded.
  const moreTypes = before.reports.filter((one) => one !== report).flatMap((one) => one.contextTypes);
  const approved = await look({ ...config, plugins: entries }, context, { pins: "approve", moreTypes });
  const [after] = approved.reports;
  if (after?.problem !== undefined) {
    context.output.failure(after.problem, { ok: false, plugin: after, error: after.problem });
    return EXIT.failed;
  }
  const changes = report.pin?.changes ?? [];
  const count = changes.length === 1 ? "1 change" : `${changes.length} changes`;
  const what = changes.length === 0 ? "as it is" : `with ${count}: ${changes.join(", ")}`;
  context.output.text(toPlainText(`${after?.name ?? name} ${after?.version ?? ""} is approved ${what}.`));
  context.output.document({ ok: true, plugin: after, changes });
  return EXIT.done;
};

function entriesOf({ plugins }: Config, { package: name }: PluginReport): Config["plugins"] {
  return plugins.filter((entry) => entry.package === name);
}

/** A plugin that the flag --plugin loads; undefined where no package is. */
async function lookAtFolder(
  folder: string,
  config: Config,
  context: CommandContext,
): Promise<PluginReport | undefined> {
  const { reports } = await look({ ...config, plugins: [{ package: folder }] }, context);
  return reports.find((report) => report.name !== undefined);
}

/** Loads, and ends what was started for it. */
async function look(
  config: Config,
  { host }: CommandContext,
  options: Pick<OpenPluginsOptions, "pins" | "moreTypes"> = { pins: "look" },
): Promise<LoadedPlugins> {
  const { openPlugins } = await import("../../plugins/open-plugins.ts");
  const logger = createLogger({
    level: config.logLevel === "warn" ? "error" : config.logLevel,
    redactor: createRedactor(),
  });
  const loaded = await openPlugins(config, { environment: host.environment, logger, ...options });
  await loaded.close();
  return { ...loaded, reports: await withRuleNotes(loaded) };
}

/** The reports, with a note where a plugin is served without the rules that it brings. */
async function withRuleNotes({ plugins, reports }: LoadedPlugins): Promise<readonly PluginReport[]> {
  const { findRuleProblems } = await import("../../sharing.ts");
  const problems = findRuleProblems(plugins);
  return reports.map((report) => {
    const problem = report.loaded ? problems.get(report.name ?? "") : undefined;
    if (problem === undefined) return report;
    return { ...report, notes: [...report.notes, `its rules for failures are left out: ${problem.message}`] };
  });
}

/** Whether the server would load it. */
function isServed({ loaded, pin }: PluginReport): boolean {
  return loaded && pin?.state !== "words";
}

const KINDS = [
  ["tools", "tools"],
  ["scanners", "scanners"],
  ["strategies", "strategies"],
  ["credentialSources", "credential sources"],
  ["contextTypes", "context types"],
  ["routingRules", "routing rules"],
] as const;

/** @param reference what it is approved by */
function describe(report: PluginReport, reference = report.name ?? report.package): string {
  const { name, version, trusted, problem, pin, integrity, folder } = report;
  const title = `${isServed(report) ? "✓" : "✗"} ${name ?? report.package} ${version ?? ""}`.trimEnd();
  const lists = KINDS.filter(([kind]) => report[kind].length > 0).map(
    ([kind, words]) => `${words}: ${report[kind].join(", ")}`,
  );
  const lines = [
    `${title} · ${trusted ? "trusted, in the server's process" : "untrusted, in processes of its own"}`,
    ...(folder === undefined || isAbsolute(report.package)
      ? [`package: ${report.package}`]
      : [`package: ${report.package} in ${folder}`]),
    ...lists,
    ...(report.policies ? ["policies: it brings some; without it, acting tools are refused"] : []),
    ...(integrity === undefined ? [] : [`integrity: ${integrity}`]),
    ...(problem === undefined ? [] : [`problem: ${problem.message}`, `→ ${problem.remedy}`]),
    ...(pin?.state === "words"
      ? [`changed since it was approved: ${pin.changes.join(", ")}`, `→ container-kit plugins approve ${reference}`]
      : []),
    ...(pin?.state === "files" ? ["its files changed since it was approved; what it says of itself did not"] : []),
    ...report.notes,
  ];
  return toPlainText(lines.join("\n  "));
}
