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
  const { reports } = await look(await configure(context), context, "look");
  context.output.text(reports.length === 0 ? "No plugin is configured." : reports.map(describe).join("\n\n"));
  context.output.document({ plugins: reports });
  return reports.every(isServed) ? EXIT.done : EXIT.failed;
};

/** `plugins check`: one plugin by its folder, whatever the configuration says. */
export const checkPlugin: Command<{ readonly path: string }> = async ({ path }, context) => {
  const config = await configure(context);
  const folder = resolve(context.host.workingDirectory, path);
  const { reports } = await look({ ...config, plugins: [{ package: folder }] }, context, "look");
  const [report] = reports;
  if (report === undefined) throw fail("INTERNAL", "the plugin was not looked at");
  if (report.problem !== undefined) {
    context.output.failure(report.problem, { ok: false, plugin: report, error: report.problem });
    return EXIT.failed;
  }
  context.output.text(describe(report));
  context.output.document({ ok: true, plugin: report });
  return EXIT.done;
};

/** `plugins approve`: pins a configured plugin as it is now. */
export const approvePlugin: Command<{ readonly name: string }> = async ({ name }, context) => {
  const config = await configure(context);
  const before = await look(config, context, "look");
  const report = before.reports.find((one) => one.name === name || one.package === name);
  if (report === undefined) {
    const known = before.reports.map((one) => one.name ?? one.package).join(", ");
    throw fail("NOT_FOUND", `no plugin ${toLine(name, 64)} is configured`, {
      remedy: known === "" ? "Name it under plugins in container-kit.yaml first." : `Choose from ${known}.`,
    });
  }
  const entries = config.plugins.filter((entry) => entry.package === report.package);
  const approved = await look({ ...config, plugins: entries }, context, "approve");
  const [after] = approved.reports;
  if (after?.problem !== undefined) {
    context.output.failure(after.problem, { ok: false, plugin: after, error: after.problem });
    return EXIT.failed;
  }
  const changes = report.pin?.changes ?? [];
  const what = changes.length === 0 ? "as it is" : `with ${changes.length} changes: ${changes.join(", ")}`;
  context.output.text(toPlainText(`${after?.name ?? name} ${after?.version ?? ""} is approved ${what}.`));
  context.output.document({ ok: true, plugin: after, changes });
  return EXIT.done;
};

/** Loads, and ends what was started for it. */
async function look(
  config: Config,
  { host }: CommandContext,
  pins: OpenPluginsOptions["pins"],
): Promise<LoadedPlugins> {
  const { openPlugins } = await import("../../plugins/open-plugins.ts");
  const logger = createLogger({
    level: config.logLevel === "warn" ? "error" : config.logLevel,
    redactor: createRedactor(),
  });
  const plugins = await openPlugins(config, { environment: host.environment, logger, pins: pins ?? "look" });
  await plugins.close();
  return plugins;
}

/** Whether the server would load it. */
function isServed({ loaded, pin }: PluginReport): boolean {
  return loaded && pin?.state !== "words";
}

function describe(report: PluginReport): string {
  const { name, version, trusted, problem, pin, integrity, folder } = report;
  const title = `${isServed(report) ? "✓" : "✗"} ${name ?? report.package} ${version ?? ""}`.trimEnd();
  const lists = (["tools", "scanners", "strategies", "credentialSources"] as const)
    .filter((kind) => report[kind].length > 0)
    .map((kind) => `${kind}: ${report[kind].join(", ")}`);
  const lines = [
    `${title} · ${trusted ? "trusted, in the server's process" : "untrusted, in processes of its own"}`,
    ...(folder === undefined || isAbsolute(report.package)
      ? [`package: ${report.package}`]
      : [`package: ${report.package} in ${folder}`]),
    ...lists,
    ...(report.policies ? ["rules: it brings rules; without it, acting tools are refused"] : []),
    ...(integrity === undefined ? [] : [`integrity: ${integrity}`]),
    ...(problem === undefined ? [] : [`problem: ${problem.message}`, `→ ${problem.remedy}`]),
    ...(pin?.state === "words"
      ? [
          `changed since it was approved: ${pin.changes.join(", ")}`,
          `→ container-kit plugins approve ${name ?? report.package}`,
        ]
      : []),
    ...(pin?.state === "files" ? ["its files changed since it was approved; what it says of itself did not"] : []),
    ...report.notes,
  ];
  return toPlainText(lines.join("\n  "));
}
