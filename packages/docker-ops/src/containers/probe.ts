/**
 * Runs an image hardened for a moment and asks it over HTTP.
 *
 * - C1  The container has a read-only root, no capabilities, no way to new privileges, limits on memory and processes,
 *       and a small /tmp; its port is published on loopback only.
 * - C2  It is removed whatever happens, also when the probe is cancelled or the answer to its creation is lost.
 */
import { randomUUID } from "node:crypto";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { clearingUp, DEADLINES } from "../wire/deadline.ts";
import type { Bounded } from "../engine/operate.ts";
import { EngineStatusError, engineCallError } from "../wire/engine-error.ts";
import type { Transport } from "../wire/transport.ts";
import { fail } from "../errors.ts";
import { inspectImage } from "../images/inspect.ts";
import type { ProbeOptions, ProbeResult } from "../types.ts";
import { demultiplex } from "./demultiplex.ts";

const state = z.object({
  State: z.object({ Running: z.boolean(), ExitCode: z.number(), OOMKilled: z.boolean().default(false) }),
  NetworkSettings: z.object({
    Ports: z.record(z.string(), z.array(z.object({ HostIp: z.string(), HostPort: z.string() })).nullable()).nullish(),
  }),
});

const MEBIBYTE = 1024 * 1024;
/** How long between two questions, in milliseconds. */
const PAUSE_MS = 150;

export async function probeImage(
  transport: Transport,
  image: string,
  options: Bounded<ProbeOptions>,
): Promise<ProbeResult> {
  const { signal } = options;
  const startedAt = performance.now();
  const { config, imageId } = await inspectImage(transport, image, signal);
  const operation = `the trial run of ${image}`;
  const body = containerBody(imageId, options);
  // A name of our own: the engine's answer with the id may be lost, and the container is there (C2).
  const name = `container-kit-probe-${randomUUID()}`;
  const remove = () =>
    removeContainer(transport, name, clearingUp(startedAt + (options.deadlineMs ?? DEADLINES.probe)));
  try {
    await transport.json({ method: "POST", path: "/containers/create", query: { name }, body, signal, operation });
    await transport.json({ method: "POST", path: `/containers/${name}/start`, signal, operation });
    const outcome = await askUntilAnswered(transport, name, options, signal);
    const logTail = await readLog(transport, name, signal);
    await remove();
    return { ...outcome, durationMs: Math.round(performance.now() - startedAt), user: config.user, logTail };
  } catch (error) {
    // That the container could not be removed must not hide why the probe failed.
    await remove().catch(() => undefined);
    throw error;
  }
}

function containerBody(imageId: string, { port, env = {} }: ProbeOptions): Readonly<Record<string, unknown>> {
  return {
    Image: imageId,
    Env: Object.entries({ PORT: String(port), ...env }).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: { [`${port}/tcp`]: {} },
    Labels: { "io.container-kit.purpose": "probe" },
    HostConfig: {
      PortBindings: { [`${port}/tcp`]: [{ HostIp: "127.0.0.1", HostPort: "" }] },
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      PidsLimit: 256,
      Memory: 512 * MEBIBYTE,
      MemorySwap: 512 * MEBIBYTE,
      Tmpfs: { "/tmp": "rw,noexec,nosuid,size=64m" },
      RestartPolicy: { Name: "no" },
    },
  };
}

type Outcome = Pick<ProbeResult, "answered" | "status" | "url" | "problem">;

async function askUntilAnswered(
  transport: Transport,
  id: string,
  { port, path = "/", onProgress, deadlineMs }: ProbeOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const patienceMs = Math.min(20_000, (deadlineMs ?? 60_000) / 2);
  const giveUpAt = Date.now() + patienceMs;
  let url = "";
  for (;;) {
    const { State, NetworkSettings } = await readState(transport, id, signal);
    const binding = NetworkSettings.Ports?.[`${port}/tcp`]?.[0];
    if (binding !== undefined) url = `http://127.0.0.1:${binding.HostPort}${path}`;
    if (!State.Running) {
      const why = State.OOMKilled ? "it ran out of memory" : `it ended with status ${State.ExitCode}`;
      return { answered: false, status: null, url, problem: `${why} before it answered on port ${port}` };
    }
    onProgress?.({ phase: "probing", message: `asking ${url}` });
    const status = url === "" ? null : await ask(url, signal);
    if (status !== null)
      return { answered: status < 500, status, url, problem: status < 500 ? null : `it answered ${status}` };
    if (Date.now() > giveUpAt)
      return {
        answered: false,
        status: null,
        url,
        problem: `it did not answer on port ${port} within ${patienceMs} ms`,
      };
    await sleep(PAUSE_MS, undefined, { signal });
  }
}

/** The status of one answer; null while nobody answers. */
function ask(url: string, signal: AbortSignal): Promise<number | null> {
  return new Promise((resolve) => {
    const request = http.get(url, { signal, agent: false, timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? null);
    });
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(null));
  });
}

async function readState(transport: Transport, id: string, signal: AbortSignal): Promise<z.output<typeof state>> {
  const answer = await transport.json({
    method: "GET",
    path: `/containers/${id}/json`,
    signal,
    operation: "the trial run",
  });
  const parsed = state.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw fail("ENGINE_PROTOCOL", "the trial run failed: the engine's answer is not a container", {
    cause: parsed.error,
  });
}

async function readLog(transport: Transport, id: string, signal: AbortSignal): Promise<string> {
  const operation = "the trial run's log";
  const stream = await transport.stream({
    method: "GET",
    path: `/containers/${id}/logs`,
    query: { stdout: true, stderr: true, tail: 40 },
    signal,
    operation,
  });
  return demultiplex(stream).catch((cause: unknown) => {
    throw engineCallError(cause, { operation });
  });
}

async function removeContainer(transport: Transport, name: string, signal: AbortSignal): Promise<void> {
  const path = `/containers/${name}`;
  const operation = "the removal of the trial container";
  const query = { force: true, v: true };
  await transport.json({ method: "DELETE", path, query, signal, operation }).catch((error: unknown) => {
    const status = error instanceof Error && error.cause instanceof EngineStatusError ? error.cause.status : null;
    // It is gone, or somebody else is removing it.
    if (status !== 404 && status !== 409) throw error;
  });
}
