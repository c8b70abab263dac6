/**
 * Looks for an engine that answers, in the order in which a person would expect it to be chosen.
 *
 * Only engines on this machine are taken: the rig's registry listens on loopback, where a remote engine cannot reach it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { engineRequest } from "../engine-request.ts";

/** An engine that answered. */
export interface FoundEngine {
  readonly host: string;
  readonly reason: string;
  readonly kind: "docker" | "podman";
  readonly version: string;
}

/** Where an engine may be, and why we look there. */
export interface EngineCandidate {
  readonly host: string;
  readonly reason: string;
}

export interface Discovery {
  readonly found: FoundEngine | undefined;
  /** One line for each place that was tried in vain. */
  readonly tried: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the user named: `DOCKER_HOST`, else the docker context. At most one. */
export function namedCandidates(environment: Environment): EngineCandidate[] {
  const host = environment["DOCKER_HOST"];
  if (host) return [{ host, reason: "DOCKER_HOST names it" }];
  const configFolder = environment["DOCKER_CONFIG"] || join(environment["HOME"] || homedir(), ".docker");
  const name = environment["DOCKER_CONTEXT"] || currentContext(configFolder);
  if (name === undefined || name === "default") return [];
  const contextHost = hostOfContext(configFolder, name);
  return [{ host: contextHost ?? `context:${name}`, reason: `the docker context ${name} names it` }];
}

/** The sockets where engines usually listen: Docker's, rootless Docker's, Docker Desktop's, Podman's. */
export function usualCandidates(environment: Environment): EngineCandidate[] {
  const runtime = environment["XDG_RUNTIME_DIR"];
  const home = environment["HOME"] || homedir();
  const sockets = [
    "/var/run/docker.sock",
    ...(runtime ? [join(runtime, "docker.sock")] : []),
    join(home, ".docker", "run", "docker.sock"),
    ...(runtime ? [join(runtime, "podman", "podman.sock")] : []),
    "/run/podman/podman.sock",
  ];
  return sockets.map((socket) => ({ host: `unix://${socket}`, reason: `it listens on ${socket}` }));
}

/** Asks the candidates in turn and takes the first that answers. */
export async function firstThatAnswers(
  candidates: readonly EngineCandidate[],
  signal?: AbortSignal,
): Promise<Discovery> {
  const tried: string[] = [];
  for (const { host, reason } of candidates) {
    signal?.throwIfAborted();
    try {
      return { found: { host, reason, ...(await identify(host, signal)) }, tried };
    } catch (error) {
      tried.push(`${host}: ${explain(error)}`);
    }
  }
  return { found: undefined, tried };
}

/** Asks an engine what it is. Throws when nobody answers. */
export async function identify(
  host: string,
  signal?: AbortSignal,
): Promise<{ kind: "docker" | "podman"; version: string }> {
  if (!isLocal(host)) throw new Error("not an engine on this machine without TLS");
  const limits = { deadlineMs: 3_000, ...(signal === undefined ? {} : { signal }) };
  const ping = await engineRequest(host, "GET", "/_ping", limits);
  if (ping.status !== 200) throw new Error(`answers a ping with HTTP ${ping.status}`);
  const version = await engineRequest(host, "GET", "/version", limits);
  const { Version, Components } = version.json() as { Version?: string; Components?: { Name?: string }[] };
  const isPodman = (Components ?? []).some((component) => /podman/i.test(component.Name ?? ""));
  return { kind: isPodman ? "podman" : "docker", version: Version ?? "unknown" };
}

function isLocal(host: string): boolean {
  return /^(unix:\/\/\/|tcp:\/\/(127\.|localhost\b|\[::1\]))/.test(host);
}

function currentContext(configFolder: string): string | undefined {
  const config = readJson(join(configFolder, "config.json")) as { currentContext?: unknown } | undefined;
  return typeof config?.currentContext === "string" && config.currentContext !== "" ? config.currentContext : undefined;
}

function hostOfContext(configFolder: string, name: string): string | undefined {
  const id = createHash("sha256").update(name).digest("hex");
  const meta = readJson(join(configFolder, "contexts", "meta", id, "meta.json")) as
    | { Endpoints?: { docker?: { Host?: unknown } } }
    | undefined;
  const host = meta?.Endpoints?.docker?.Host;
  return typeof host === "string" ? host : undefined;
}

/** A file that is missing or damaged names no engine; the docker CLI will tell its owner. */
function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8")) ?? undefined;
  } catch {
    return undefined;
  }
}

function explain(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return "no such socket";
  if (code === "ECONNREFUSED") return "nobody listens";
  if (code === "EACCES") return "no permission to open it";
  if ((error as Error).name === "TimeoutError") return "no answer within 3 s";
  return (error as Error).message;
}
