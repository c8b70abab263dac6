import { fail } from "../errors.ts";
import type { ProgressRecord } from "../wire/progress-stream.ts";
import type { Progress } from "../types.ts";
import type { BuildStep } from "./types.ts";
import { LogTail } from "./build-observer.ts";
import type { BuildObserver } from "./build-observer.ts";
import { decodeBuildStatus } from "./buildkit-trace.ts";
import type { BuildStatus, Vertex } from "./buildkit-trace.ts";

/** `[deps 2/4] RUN npm ci`: stage, position and instruction. */
const STEP = /^\[(?:(.{1,200}) )?(\d+)\/(\d+)\] (.*)$/s;

/**
 * Follows a BuildKit build: its progress comes as encoded graph states inside `aux` records.
 *
 * @param uncut texts that stand whole in a line, however long it is
 */
export function observeBuildkit(onLog: (line: string) => void, uncut: readonly string[] = []): BuildObserver {
  const vertexes = new Map<string, Vertex>();
  const tails = new Map<string, LogTail>();
  const all = new LogTail(uncut);

  const takeLogs = ({ logs }: BuildStatus): readonly Progress[] =>
    logs.flatMap(({ vertex, text }) => {
      const tail = tails.get(vertex) ?? new LogTail(uncut);
      tails.set(vertex, tail);
      all.add(text);
      const lines = tail.add(text);
      for (const line of lines) onLog(line);
      const last = lines.findLast((line) => line.trim() !== "");
      return last === undefined ? [] : [{ phase: "log", message: last, id: vertex }];
    });

  const takeVertexes = (status: BuildStatus): readonly Progress[] =>
    status.vertexes.flatMap((vertex) => {
      const before = vertexes.get(vertex.digest);
      vertexes.set(vertex.digest, vertex);
      const isNews =
        before === undefined || before.completedMs !== vertex.completedMs || before.startedMs !== vertex.startedMs;
      if (!isNews || vertex.startedMs === null) return [];
      if (before?.startedMs === null || before === undefined)
        onLog(`#${vertexes.size} ${vertex.name}${vertex.cached ? " CACHED" : ""}`);
      return [progressOf(vertex)];
    });

  return {
    observe: (record: ProgressRecord) => {
      if (record.id !== "moby.buildkit.trace" || typeof record.aux !== "string") return [];
      const status = decode(record.aux);
      return [...takeVertexes(status), ...takeLogs(status), ...transfers(status)];
    },
    steps: () => toSteps([...vertexes.values()]),
    failedStep: () => failedVertex(vertexes)?.name ?? null,
    isStepRunning: () => [...vertexes.values()].some(isRunning),
    // BuildKit does not tell.
    unusedArguments: () => [],
    finish: () => {
      for (const tail of tails.values()) {
        const rest = tail.flush();
        if (rest !== null) onLog(rest);
      }
    },
    logTail: () => {
      const failed = failedVertex(vertexes);
      const own = failed === undefined ? undefined : tails.get(failed.digest)?.text();
      return own === undefined || own === "" ? all.text() : own;
    },
  };
}

function decode(aux: string): BuildStatus {
  try {
    return decodeBuildStatus(aux);
  } catch (cause) {
    throw fail("ENGINE_PROTOCOL", "the build failed: the engine sent a progress message that is not BuildKit's", {
      cause,
    });
  }
}

function failedVertex(vertexes: ReadonlyMap<string, Vertex>): Vertex | undefined {
  const known = [...vertexes.values()];
  return (
    known.find(({ error }) => error !== "" && !/context canceled/.test(error)) ??
    known.find(({ error }) => error !== "")
  );
}

/** `[internal]` vertexes move bytes between us and the engine, or ask a registry: their silence means that something hangs. */
function isRunning({ name, startedMs, completedMs }: Vertex): boolean {
  return startedMs !== null && completedMs === null && !name.startsWith("[internal]");
}

function progressOf(vertex: Vertex): Progress {
  const step = STEP.exec(vertex.name);
  const position = step === null ? {} : { current: Number(step[2]), total: Number(step[3]), unit: "steps" as const };
  const isDone = vertex.completedMs !== null;
  const suffix = vertex.cached ? " (cached)" : "";
  return {
    phase: "step",
    id: vertex.digest,
    message: `${vertex.name}${suffix}`,
    ...position,
    ...(isDone ? { done: true } : {}),
  };
}

function transfers({ statuses }: BuildStatus): readonly Progress[] {
  return statuses
    .filter(({ total }) => total > 0)
    .map(({ id, current, total, completed }) => ({
      phase: "transfer",
      id,
      message: id,
      current,
      total,
      unit: "bytes",
      ...(completed ? { done: true } : {}),
    }));
}

/** In the Dockerfile's order within each stage, the stages as they began: vertexes come as they are scheduled. */
function toSteps(vertexes: readonly Vertex[]): readonly BuildStep[] {
  const stages = new Map<string, { readonly position: number; readonly step: Omit<BuildStep, "index"> }[]>();
  for (const { name, startedMs, completedMs, cached } of vertexes) {
    const [match, stage = "", position = "", , instruction = name] = STEP.exec(name) ?? [];
    if (match === undefined || (startedMs === null && !cached)) continue;
    const durationMs =
      startedMs === null || completedMs === null ? 0 : Math.max(0, Math.round(completedMs - startedMs));
    const steps = stages.get(stage) ?? [];
    stages.set(stage, steps);
    steps.push({ position: Number(position), step: { instruction, durationMs, cached } });
  }
  return [...stages.values()]
    .flatMap((steps) => steps.sort((a, b) => a.position - b.position))
    .map(({ step }, index) => ({ index: index + 1, ...step }));
}
