import type { Database } from "@container-kit/storage";
import type { Clocks } from "./clocks.ts";
import type { JobRow, JobStatements } from "./job-statements.ts";
import { JobWatch } from "./job-watch.ts";
import type { Owners } from "./owners.ts";
import type { ExecutionStatus, Timestamp } from "./types.ts";

const LEASE_MS = 30_000;

/** How an execution ended. */
export interface Ending {
  readonly status: ExecutionStatus;
  readonly endedAt: Timestamp | null;
}

/** What jobs depend on. */
export interface JobParts {
  readonly state: Database;
  readonly owners: Owners;
  readonly clocks: Clocks;
  readonly leaseMs: number | undefined;
  /** How these executions ended, as far as anybody saw; may have to bring the record up first. */
  readonly endingsOf: (executionIds: readonly string[]) => Promise<ReadonlyMap<string, Ending>>;
  /** Whether a session is there. Inside a write of the state. */
  readonly hasSession: (id: string) => boolean;
}

/** Ends jobs that were left by their owners. */
export interface LeftJobs {
  /** The rows as they are after those that were left have ended. */
  settle(rows: readonly JobRow[]): Promise<readonly JobRow[]>;
  /** Ends all that are left; says how many are interrupted by it. */
  endAll(): Promise<number>;
}

/** Looks at jobs and ends those that were left. */
export function createLeftJobs(parts: JobParts, prepared: JobStatements): LeftJobs {
  const { state, owners, clocks, leaseMs = LEASE_MS, endingsOf } = parts;
  const watch = new JobWatch(owners, clocks, leaseMs);

  /** What became of those that were left; `byUs` says that it was this call that ended them. */
  const end = async (left: readonly JobRow[]): Promise<readonly { readonly row: JobRow; readonly byUs: boolean }[]> => {
    const endings = await endingsOf(left.flatMap(({ executionId }) => executionId ?? []));
    return state.write(() =>
      left.map((row) => {
        const seen = row.executionId === null ? undefined : endings.get(row.executionId);
        const { status, endedAt } = seen ?? { status: "interrupted", endedAt: null };
        const ended = prepared.abandon.get({ id: row.id, fence: row.fence, beat: row.beat, status, endedAt });
        return { row: ended ?? prepared.find.get({ id: row.id }) ?? row, byUs: ended !== undefined };
      }),
    );
  };

  return {
    async settle(rows: readonly JobRow[]): Promise<readonly JobRow[]> {
      const left = state.read(() => watch.findLeft(rows));
      if (left.length === 0) return rows;
      const changed = new Map((await end(left)).map(({ row }) => [row.id, row]));
      return rows.map((row) => changed.get(row.id) ?? row);
    },
    async endAll(): Promise<number> {
      const left = state.read(() => watch.findLeft(prepared.running.all()));
      if (left.length === 0) return 0;
      return (await end(left)).filter(({ row, byUs }) => byUs && row.status === "interrupted").length;
    },
  };
}
