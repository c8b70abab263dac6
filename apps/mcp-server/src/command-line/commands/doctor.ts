import { access, constants } from "node:fs/promises";
import { defineErrors, toErrorResult } from "@container-kit/errors";
import { silentLogger } from "@container-kit/observability";
import { toPlainText } from "../../text/plain.ts";
import type { Config } from "../../config/config.ts";
import { configure, credentialFlags } from "../command.ts";
import type { Command, CommandContext, CredentialArguments } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { fail } from "../../errors.ts";
import { makeFolder } from "../../make-folder.ts";

/** What was looked at, and the one next step where it is not as it should be. */
interface Check {
  readonly id:
    | "node"
    | "configuration"
    | "rules"
    | "state"
    | "store"
    | "docker-configuration"
    | "registry-credentials"
    | "plugins"
    | "engine";
  readonly ok: boolean;
  readonly message: string;
  readonly remedy?: string;
  readonly details?: unknown;
}

/** What a check found, or throws. */
type Finding = Pick<Check, "message" | "details">;

const LOWEST_NODE = [20, 19] as const;

/** `doctor`: looks at everything that a build will need, and changes nothing but the state folder. */
export const doctor: Command<CredentialArguments> = async (args, context) => {
  const checks: Check[] = [];
  const check = async (id: Check["id"], look: () => Promise<Finding>): Promise<void> => {
    checks.push(await examine(id, look));
  };
  let config: Config | undefined;
  await check("node", async () => checkNode(process.versions.node));
  await check("configuration", async () => {
    config = await configure(context, credentialFlags(args));
    const files = config.files.length === 0 ? "no configuration file, defaults apply" : config.files.join(", ");
    return { message: files, details: { files: config.files, warnings: config.warnings } };
  });
  if (config !== undefined) {
    const known = config;
    if (known.policy.length + known.routing.sources.length > 0) await check("rules", () => checkRules(known));
    await check("state", () => checkState(known));
    await check("store", () => checkStore(known));
  }
  await check("docker-configuration", () => checkDockerConfiguration(context));
  const references = config?.registryCredentials ?? [];
  if (references.length > 0) await check("registry-credentials", () => checkReferences(references, context));
  if (config !== undefined && config.plugins.length > 0) {
    const known = config;
    await check("plugins", () => checkPlugins(known, context));
  }
  await check("engine", () => checkEngine(context, config));
  const ok = checks.every((one) => one.ok);
  context.output.text(describe(checks));
  context.output.document({ ok, checks });
  if (ok) return EXIT.done;
  return checks.some(({ id, ok: fine }) => id === "engine" && !fine) ? EXIT.noEngine : EXIT.failed;
};

async function examine(id: Check["id"], look: () => Promise<Finding>): Promise<Check> {
  try {
    return { id, ok: true, ...(await look()) };
  } catch (thrown) {
    const { code, message, remedy, details } = toErrorResult(thrown);
    return { id, ok: false, message: `${message} [${code}]`, remedy, ...(details === undefined ? {} : { details }) };
  }
}

function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const enough = major > LOWEST_NODE[0] || (major === LOWEST_NODE[0] && minor >= LOWEST_NODE[1]);
  if (enough) return { message: `Node ${version}` };
  throw fail("UNSUPPORTED", `Node ${version} is too old`, {
    remedy: `Install Node ${LOWEST_NODE.join(".")} or newer.`,
  });
}

/** Rules that cannot be understood stop every other command that runs tools. */
async function checkRules({ policy, routing, plugins }: Config): Promise<Finding> {
  const { createPolicy } = await import("@container-kit/atomic-runtime");
  const { checkRouting } = await import("../../sharing.ts");
  createPolicy(policy);
  checkRouting(routing, plugins.length > 0);
  return { message: "those of the configuration for policy and routing can be followed" };
}

async function checkState({ home }: Config): Promise<Finding> {
  try {
    makeFolder(home);
    await access(home, constants.W_OK);
    return { message: `${home} can be written` };
  } catch (cause) {
    throw fail("NOT_FOUND", `${home} cannot be written: ${(cause as NodeJS.ErrnoException).code ?? "unknown reason"}`, {
      cause,
      remedy: "Make the folder writable for this user, or name another one with CONTAINER_KIT_HOME.",
    });
  }
}

async function checkStore(config: Config): Promise<Finding> {
  const { openSessions } = await import("../../open-sessions.ts");
  const { sessions, close } = await openSessions(config);
  await close();
  return { message: sessions.location };
}

async function checkDockerConfiguration({ host }: CommandContext): Promise<Finding> {
  const { readDockerConfig } = await import("@container-kit/docker-ops");
  const { folder, problem } = await readDockerConfig(host.environment);
  if (problem === null) return { message: folder };
  throw fail("INVALID_INPUT", problem, { remedy: "Correct the file, or sign in again with `docker login`." });
}

/** Whether there is something behind each reference; what the registry thinks of it is for `validate_credentials`. */
async function checkReferences(references: readonly string[], { host }: CommandContext): Promise<Finding> {
  const { parseCredentialReference } = await import("@container-kit/docker-ops");
  for (const text of references) {
    const { from } = parseCredentialReference(text);
    if (from.kind === "file") {
      await access(from.path, constants.R_OK).catch((cause: unknown) => {
        throw fail("NOT_FOUND", `${from.path} cannot be read`, {
          cause,
          remedy: "Make the file, or correct --registry-credentials or registryCredentials in the configuration.",
        });
      });
      continue;
    }
    const missing = [from.username, from.password].filter((name) => (host.environment[name] ?? "") === "");
    if (missing.length === 0) continue;
    throw fail("INVALID_INPUT", `${missing.join(" and ")} of ${text} ${missing.length > 1 ? "are" : "is"} not set`, {
      remedy: "Set the variables, or correct --registry-credentials or registryCredentials in the configuration.",
    });
  }
  return { message: references.join(", ") };
}

/** Loads them as the server would, and ends them. */
async function checkPlugins(config: Config, { host }: CommandContext): Promise<Finding> {
  const { openPlugins } = await import("../../plugins/open-plugins.ts");
  const loaded = await openPlugins(config, { environment: host.environment, logger: silentLogger });
  await loaded.close();
  const { reports } = loaded;
  const bad = reports.flatMap(({ package: plugin, name, problem }) =>
    problem === undefined ? [] : [{ plugin: name ?? plugin, problem }],
  );
  const [first] = bad;
  if (first === undefined) return { message: reports.map(({ name, version }) => `${name} ${version}`).join(", ") };
  const { runtimeErrors } = await import("@container-kit/atomic-runtime");
  throw defineErrors(runtimeErrors)("PLUGIN_INVALID", bad.map(({ problem }) => problem.message).join("; "), {
    remedy: first.problem.remedy,
    details: { plugins: bad.map(({ plugin, problem }) => ({ plugin, code: problem.code, remedy: problem.remedy })) },
  });
}

async function checkEngine({ host }: CommandContext, config: Config | undefined): Promise<Finding> {
  const { connectEngine } = await import("@container-kit/docker-ops");
  const engine = await connectEngine({ env: host.environment, baseImages: config?.baseImages ?? {} });
  const { endpoint, profile } = engine;
  await engine.close();
  return {
    message: `${profile.product} ${profile.version} at ${endpoint.host} (${endpoint.source})`,
    details: { endpoint: { host: endpoint.host, source: endpoint.source }, profile },
  };
}

function describe(checks: readonly Check[]): string {
  const lines = checks.flatMap(({ id, ok, message, remedy }) => [
    `${ok ? "✓" : "✗"} ${id.padEnd(20)}  ${message}`,
    ...(remedy === undefined ? [] : [`${" ".repeat(24)}→ ${remedy}`]),
  ]);
  return toPlainText(lines.join("\n"));
}
