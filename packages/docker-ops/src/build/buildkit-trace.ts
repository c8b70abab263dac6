/** Decodes BuildKit's progress messages: `moby.buildkit.v1.StatusResponse` (buildkit `api/services/control/control.proto`). */
import { millisecondsOf, readFields, textOf } from "./protobuf.ts";

/** A node of the build graph, as far as it is known by now. */
export interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly cached: boolean;
  readonly startedMs: number | null;
  readonly completedMs: number | null;
  readonly error: string;
}

interface VertexLog {
  readonly vertex: string;
  readonly text: string;
}

/** Bytes moved within a vertex, e.g. a layer that is pulled. */
interface VertexStatus {
  readonly id: string;
  readonly vertex: string;
  readonly current: number;
  readonly total: number;
  readonly completed: boolean;
}

export interface BuildStatus {
  readonly vertexes: readonly Vertex[];
  readonly statuses: readonly VertexStatus[];
  readonly logs: readonly VertexLog[];
}

/** @throws RangeError on bytes that are no such message */
export function decodeBuildStatus(base64: string): BuildStatus {
  const vertexes: Vertex[] = [];
  const statuses: VertexStatus[] = [];
  const logs: VertexLog[] = [];
  for (const field of readFields(Buffer.from(base64, "base64"))) {
    if (field.number === 1) vertexes.push(decodeVertex(field.bytes));
    if (field.number === 2) statuses.push(decodeStatus(field.bytes));
    if (field.number === 3) logs.push(decodeLog(field.bytes));
  }
  return { vertexes, statuses, logs };
}

function decodeVertex(message: Uint8Array): Vertex {
  const vertex = {
    digest: "",
    name: "",
    cached: false,
    startedMs: null as number | null,
    completedMs: null as number | null,
    error: "",
  };
  for (const field of readFields(message)) {
    if (field.number === 1) vertex.digest = textOf(field);
    if (field.number === 3) vertex.name = textOf(field);
    if (field.number === 4) vertex.cached = field.value !== 0;
    if (field.number === 5) vertex.startedMs = millisecondsOf(field);
    if (field.number === 6) vertex.completedMs = millisecondsOf(field);
    if (field.number === 7) vertex.error = textOf(field);
  }
  return vertex;
}

function decodeStatus(message: Uint8Array): VertexStatus {
  const status = { id: "", vertex: "", current: 0, total: 0, completed: false };
  for (const field of readFields(message)) {
    if (field.number === 1) status.id = textOf(field);
    if (field.number === 2) status.vertex = textOf(field);
    if (field.number === 4) status.current = field.value;
    if (field.number === 5) status.total = field.value;
    if (field.number === 8) status.completed = true;
  }
  return status;
}

function decodeLog(message: Uint8Array): VertexLog {
  let vertex = "";
  let text = "";
  for (const field of readFields(message)) {
    if (field.number === 1) vertex = textOf(field);
    if (field.number === 4) text = textOf(field);
  }
  return { vertex, text };
}
