/**
 * The events on their medium.
 *
 * - L1  A number is given under the write lock and is seen when its transaction is: who has read up to a number has read
 *       everything below it. (Where numbers are given before the commit, as by a sequence of a server, that is not so.)
 * - L2  A page, how far the order goes and what was removed are read by one statement, so that they fit each other.
 */
import type { SharedDatabase } from "@container-kit/storage";
import { and, asc, eq, gt, sql } from "drizzle-orm";
import { boundLimit } from "../bound-limit.ts";
import type { EventDraft, EventRow } from "./event-row.ts";
import { eventFloor, events, sequences } from "./tables.ts";

/** Some events in their order. */
export interface RowPage {
  readonly rows: readonly EventRow[];
  /** Everything up to here has been looked at. */
  readonly through: number;
  /** Up to where events were removed for their age or number. */
  readonly floor: number;
  /** The newest event's number. */
  readonly last: number;
}

/** What is asked of a page. */
export interface PageQuery {
  readonly after: number;
  readonly sessionId: string | undefined;
  readonly limit: number;
}

/** The events' table. */
export class EventLog {
  readonly #shared: SharedDatabase;
  readonly #statements: LogStatements;

  /** @param shared after its migration */
  constructor(shared: SharedDatabase) {
    this.#shared = shared;
    this.#statements = prepareLog(shared);
  }

  /** Gives each event its place. Inside a transaction. */
  append(drafts: readonly EventDraft[]): readonly EventRow[] {
    return drafts.map((draft) => ({ seq: Number(this.#statements.insert.run(draft).lastInsertRowid), ...draft }));
  }

  /** The newest event's number; 0 before the first one. @throws STORE_* */
  last(): number {
    return this.#shared.read(() => this.#statements.last.get()?.seq ?? 0);
  }

  /** @throws STORE_* */
  floor(): number {
    return this.#shared.read(() => this.#statements.floor.get()?.seq ?? 0);
  }

  /** @throws STORE_* */
  pageAfter({ after, sessionId, limit }: PageQuery): RowPage {
    const { page, pageOfSession } = this.#statements;
    const found = this.#shared.read(() =>
      sessionId === undefined ? page.all({ after, limit }) : pageOfSession.all({ after, limit, sessionId }),
    );
    const { floor = 0, last = 0 } = found[0] ?? {};
    const rows = found.flatMap(({ row }) => row ?? []);
    const through = rows.length < limit ? Math.max(after, last) : (rows.at(-1)?.seq ?? after);
    return { rows, through, floor, last };
  }
}

type LogStatements = ReturnType<typeof prepareLog>;

function prepareLog({ statements }: SharedDatabase) {
  const after = gt(events.seq, sql.placeholder("after"));
  const ofSession = eq(events.sessionId, sql.placeholder("sessionId"));
  const lastOf = statements.select({ seq: sequences.seq }).from(sequences).where(eq(sequences.name, "events"));
  const last = sql<number>`coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)`;
  const page = (which: typeof after | ReturnType<typeof and>) =>
    statements
      .select({ floor: eventFloor.seq, last, row: events })
      .from(eventFloor)
      .leftJoin(events, which)
      .where(eq(eventFloor.only, 1))
      .orderBy(asc(events.seq))
      .limit(boundLimit("limit"))
      .prepare();
  return {
    insert: statements
      .insert(events)
      .values({
        id: sql.placeholder("id"),
        at: sql.placeholder("at"),
        type: sql.placeholder("type"),
        sessionId: sql.placeholder("sessionId"),
        correlationId: sql.placeholder("correlationId"),
        executionId: sql.placeholder("executionId"),
        data: sql.placeholder("data"),
      })
      .prepare(),
    last: lastOf.prepare(),
    floor: statements.select({ seq: eventFloor.seq }).from(eventFloor).prepare(),
    page: page(after),
    pageOfSession: page(and(ofSession, after)),
  };
}
