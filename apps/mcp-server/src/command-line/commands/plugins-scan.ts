import { resolve } from "node:path";
import { collectExtensions } from "@container-kit/atomic-runtime";
import type { Finding } from "@container-kit/atomic-runtime";
import { createLogger, createRedactor } from "@container-kit/observability";
import { fail } from "../../errors.ts";
import { toLine, toPlainText } from "../../text/plain.ts";
import { table } from "../../text/table.ts";
import { configure, pluginFlags } from "../command.ts";
import type { Command, PluginArguments } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { listenForInterruption } from "../interruption.ts";

/** The arguments of `plugins scan`. */
export interface PluginScanArguments extends PluginArguments {
  readonly scanner: string;
  readonly path: string;
}

/** `plugins scan`: one scanner of a plugin on one path. */
export const scanWithPlugin: Command<PluginScanArguments> = async (args, context) => {
  const { host, output } = context;
  const config = await configure(context, pluginFlags(args));
  const { openPlugins } = await import("../../plugins/open-plugins.ts");
  const logger = createLogger({ level: config.logLevel, redactor: createRedactor() });
  const plugins = await openPlugins(config, { environment: host.environment, logger });
  const interruption = listenForInterruption(host);
  try {
    const { scanners } = collectExtensions(plugins.plugins);
    const scanner = scanners.find(({ name }) => name === args.scanner);
    if (scanner === undefined) {
      const known = scanners.map(({ name }) => name).join(", ");
      throw fail("NOT_FOUND", `no plugin brings a scanner ${toLine(args.scanner, 64)}`, {
        remedy:
          known === "" ? "Load a plugin that has one: container-kit plugins list shows them." : `Choose from ${known}.`,
      });
    }
    const target = resolve(host.workingDirectory, args.path);
    const findings = await scanner.scan({ kind: "path", target }, { signal: interruption.signal, logger });
    output.text(findings.length === 0 ? "Nothing found." : describe(findings));
    output.document({ scanner: scanner.name, plugin: scanner.plugin, target, findings });
    return EXIT.done;
  } finally {
    interruption.end();
    await plugins.close();
  }
};

function describe(findings: readonly Finding[]): string {
  const rows = findings.map((finding) => [
    finding.severity,
    finding.rule,
    place(finding),
    toLine(finding.message, 100),
  ]);
  return toPlainText(table(["severity", "rule", "where", "message"], rows));
}

function place({ file = "", line }: Finding): string {
  return line === undefined ? file : `${file}:${line}`;
}
