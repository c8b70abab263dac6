import { stat } from "node:fs/promises";
import { parse, resolve } from "node:path";
import manifest from "../../../package.json" with { type: "json" };
import { fail } from "../../errors.ts";
import type { Application } from "../../wiring.ts";
import { configure, credentialFlags, pluginFlags } from "../command.ts";
import type { Command, CredentialArguments, PluginArguments } from "../command.ts";
import { warnAboutUnbound } from "../../config/registry-credentials.ts";
import { EXIT } from "../exit-status.ts";
import { listenForInterruption } from "../interruption.ts";

/** The arguments of `serve`. */
export interface ServeArguments extends CredentialArguments, PluginArguments {
  readonly transport?: string;
  readonly host?: string;
  readonly port?: number;
  readonly toolsets?: readonly string[];
  readonly readOnly?: boolean;
  readonly root?: readonly string[];
  readonly otlp?: string;
  readonly metricsPort?: number;
}

/** `serve`: the MCP server, until its client goes away or a signal asks it to stop. */
export const serve: Command<ServeArguments> = async (args, context) => {
  const { host } = context;
  refuseHttp(args);
  const given = args.root?.map((root) => resolve(host.workingDirectory, root));
  await Promise.all((given ?? []).map(checkFolder));
  const config = await configure(
    context,
    {
      ...credentialFlags(args),
      ...pluginFlags(args),
      ...(given === undefined ? {} : { roots: given }),
      ...(args.toolsets === undefined ? {} : { toolsets: args.toolsets }),
      ...(args.readOnly === undefined ? {} : { readOnly: args.readOnly }),
      ...(args.otlp === undefined ? {} : { otlp: args.otlp }),
    },
    given,
  );
  const roots = config.roots ?? defaultRoots(host.workingDirectory, host.homeDirectory);
  const [{ openApplication }, { serveStdio }] = await Promise.all([
    import("../../wiring.ts"),
    import("../../mcp/serve-stdio.ts"),
  ]);
  const application = await openApplication(config, {
    paths: { roots },
    toolsets: config.toolsets,
    environment: host.environment,
    metrics: args.metricsPort !== undefined,
  });
  const { runtime, sessions, logger, shared } = application;
  if (roots.length === 0) logger.warn("No folder is allowed to tools: name one with --root.");
  const unbound = warnAboutUnbound(config.registryCredentials);
  if (unbound !== null) logger.warn(unbound);
  try {
    if (args.metricsPort !== undefined) await serveMetrics(args.metricsPort, application);
    const serving = serveStdio(host, { runtime, sessions, events: shared.events, logger, version: manifest.version });
    if (host.stdin.isTTY === true) context.output.note("Serving MCP on stdin and stdout; end with Ctrl-D.");
    await new Promise<void>((stop) => {
      const interruption = listenForInterruption(host, stop);
      // A job was promised to outlive its call: it keeps the server until it ends, unless a signal asks for less.
      const done = serving.closed.then(() => runtime.jobsDone());
      void done.finally(() => {
        interruption.end();
        stop();
      });
    });
    await serving.drain();
    return EXIT.done;
  } finally {
    await application.close();
  }
};

function refuseHttp({ transport, host, port }: ServeArguments): void {
  if (transport === "http") {
    throw fail("UNSUPPORTED", "--transport http is not part of this version; it comes later", {
      remedy: "Leave --transport out: clients start the server themselves and speak with it over stdio.",
    });
  }
  if (host === undefined && port === undefined) return;
  throw fail("INVALID_INPUT", "--host and --port only go with --transport http", {
    remedy: "Leave them out: over stdio the server listens on no address.",
  });
}

async function checkFolder(root: string): Promise<void> {
  const isFolder = await stat(root).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw fail("NOT_FOUND", `--root ${root} is no folder`, { remedy: "Name a folder that exists." });
}

/** A client may start several servers with one configuration: a port that one of them holds must not end the others. */
async function serveMetrics(port: number, { telemetry, logger }: Application): Promise<void> {
  try {
    const serving = await telemetry.serveMetrics(port);
    logger.info("Measurements are given out.", { url: `http://127.0.0.1:${serving.port}/metrics` });
  } catch (error) {
    logger.error("Measurements are not given out, because the port is not to be had.", { port, error });
  }
}

/** A server that was started in `/` or at home was not pointed at a project: then nothing is allowed. */
function defaultRoots(workingDirectory: string, homeDirectory: string): readonly string[] {
  const tooWide = workingDirectory === parse(workingDirectory).root || workingDirectory === resolve(homeDirectory);
  return tooWide ? [] : [workingDirectory];
}
