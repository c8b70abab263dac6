/**
 * Finds the engine as the docker CLI does, and goes on where the CLI stops.
 *
 * - D1  What is configured wins and is never replaced by a guess: DOCKER_HOST, then DOCKER_CONTEXT, then the current
 *       context of the docker configuration. If it does not answer, that is the failure.
 * - D2  Only when nothing is configured are the usual sockets tried, in a fixed order; the first that answers is used.
 * - D3  Every candidate is kept with what happened to it, so that a failure can list them all.
 *
 * Source of the rules: docker/cli `cli/command/cli.go` (resolveContextName) and `cli/context/store`.
 */
import { homedir } from "node:os";
import { join } from "node:path";
import { fail } from "../errors.ts";
import { readDockerConfig } from "../credentials/config-file.ts";
import { readContextEndpoint } from "./context-store.ts";
import { refusePassword } from "./refuse-password.ts";
import type { EngineEndpoint } from "./types.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where an engine may be, in the order in which to try. */
export interface EndpointCandidates {
  /** The caller chose it: its failure is final. */
  readonly configured: boolean;
  readonly endpoints: readonly EngineEndpoint[];
}

/** @throws ENGINE_BAD_ENDPOINT where the configuration names something that is no endpoint */
export async function listEndpoints(env: Environment, host?: string): Promise<EndpointCandidates> {
  if (host !== undefined) return configured(parseHost(host, "the option `host`", env));
  const dockerHost = env["DOCKER_HOST"];
  if (dockerHost !== undefined && dockerHost !== "") return configured(parseHost(dockerHost, "DOCKER_HOST", env));
  const fromContext = await contextEndpoint(env);
  if (fromContext !== null) return configured(fromContext);
  return { configured: false, endpoints: usualSockets(env) };
}

function configured(endpoint: EngineEndpoint): EndpointCandidates {
  return { configured: true, endpoints: [endpoint] };
}

async function contextEndpoint(env: Environment): Promise<EngineEndpoint | null> {
  const named = env["DOCKER_CONTEXT"];
  const config = await readDockerConfig(env);
  const name = named !== undefined && named !== "" ? named : config.currentContext;
  if (name === undefined || name === "default") return null;
  const source = named === name ? `DOCKER_CONTEXT "${name}"` : `docker context "${name}"`;
  return readContextEndpoint(config.folder, name, source);
}

/** Reads an endpoint as DOCKER_HOST writes it. */
function parseHost(host: string, source: string, env: Environment): EngineEndpoint {
  const text = host.includes("://") ? host : `tcp://${host}`;
  const scheme = text.slice(0, text.indexOf("://"));
  refusePassword(text, source);
  switch (scheme) {
    case "unix":
      return { host: text === "unix://" ? "unix:///var/run/docker.sock" : text, source };
    case "tcp":
    case "http":
    case "https":
      return { host: checkUrl(text, source), source, ...tlsFromEnvironment(env, scheme) };
    case "ssh":
      return { host: checkUrl(text, source), source };
    case "npipe":
      return { host: text, source };
    default:
      throw fail(
        "ENGINE_BAD_ENDPOINT",
        `${source} names ${JSON.stringify(host)}, and ${scheme}:// is no engine endpoint`,
        {
          details: { source, host },
        },
      );
  }
}

function checkUrl(text: string, source: string): string {
  if (!URL.canParse(text) || new URL(text).hostname === "") {
    throw fail("ENGINE_BAD_ENDPOINT", `${source} names ${JSON.stringify(text)}, which is not host:port`, {
      details: { source, host: text },
    });
  }
  return text;
}

function tlsFromEnvironment(env: Environment, scheme: string): Pick<EngineEndpoint, "tls"> {
  const verify = env["DOCKER_TLS_VERIFY"] !== undefined && env["DOCKER_TLS_VERIFY"] !== "";
  if (scheme === "http" || (!verify && scheme !== "https" && (env["DOCKER_TLS"] ?? "") === "")) return {};
  const folder = env["DOCKER_CERT_PATH"] ?? join(env["HOME"] ?? homedir(), ".docker");
  return { tls: { ca: join(folder, "ca.pem"), cert: join(folder, "cert.pem"), key: join(folder, "key.pem"), verify } };
}

function usualSockets(env: Environment): readonly EngineEndpoint[] {
  const home = env["HOME"] ?? homedir();
  const runtime = env["XDG_RUNTIME_DIR"];
  const state = env["XDG_STATE_HOME"] ?? join(home, ".local", "state");
  const paths: readonly (readonly [string, string])[] = [
    ["/var/run/docker.sock", "the system's socket"],
    ...(runtime === undefined ? [] : [[join(runtime, "docker.sock"), "rootless Docker's socket"] as const]),
    [join(home, ".docker", "run", "docker.sock"), "Docker Desktop's socket"],
    [join(home, ".colima", "default", "docker.sock"), "Colima's socket"],
    ...(runtime === undefined ? [] : [[join(runtime, "podman", "podman.sock"), "rootless Podman's socket"] as const]),
    ["/run/podman/podman.sock", "Podman's socket"],
  ];
  const own = join(state, "container-kit", "rig", "docker.sock");
  return [
    ...paths.map(([path, source]) => ({ host: `unix://${path}`, source })),
    { host: `unix://${own}`, source: "the private engine that `npm run setup` starts", isPrivate: true },
  ];
}
