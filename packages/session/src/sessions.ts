import type { Database } from "@container-kit/storage";
import { desc, eq, lt, sql } from "drizzle-orm";
import { fail } from "./errors.ts";
import { newSessionId } from "./ids.ts";
import { sessions } from "./tables.ts";
import type { Session, Timestamp } from "./types.ts";

/** The sessions themselves, without what happened in them. */
export interface Sessions {
  open(now: Timestamp): Promise<Session>;
  /** @throws SESSION_NOT_FOUND SESSION_EXPIRED */
  touch(id: string, now: Timestamp): Session;
  /** @throws SESSION_NOT_FOUND */
  get(id: string): Session;
  list(limit: number, before: Timestamp): readonly Session[];
}

interface SessionRow {
  readonly id: string;
  readonly createdAt: Timestamp;
  readonly lastUsedAt: Timestamp;
}

export function createSessions(state: Database, lifetimeMs: number): Sessions {
  const { statements } = state;
  const named = sql.placeholder("id");
  const now = sql.placeholder("now");
  const insert = statements.insert(sessions).values({ id: named, createdAt: now, lastUsedAt: now }).prepare();
  const find = statements.select().from(sessions).where(eq(sessions.id, named)).prepare();
  const use = statements
    .update(sessions)
    .set({ lastUsedAt: sql`max(${sessions.lastUsedAt}, ${now})` })
    .where(eq(sessions.id, named))
    .prepare();
  const page = statements
    .select()
    .from(sessions)
    .where(lt(sessions.lastUsedAt, sql.placeholder("before")))
    .orderBy(desc(sessions.lastUsedAt), desc(sessions.id))
    .limit(sql.placeholder("limit"))
    .prepare();

  const get = (id: string): Session => {
    const row = state.read(() => find.get({ id }));
    if (row === undefined) throw fail("SESSION_NOT_FOUND", `there is no session ${quote(id)}`);
    return withExpiry(row);
  };
  const withExpiry = (row: SessionRow): Session => ({ ...row, expiresAt: row.lastUsedAt + lifetimeMs });

  return {
    async open(now) {
      const row: SessionRow = { id: newSessionId(), createdAt: now, lastUsedAt: now };
      await state.write(() => insert.run({ id: row.id, now }));
      return withExpiry(row);
    },
    touch(id, now) {
      let session = get(id);
      if (now >= session.expiresAt) {
        // A use a moment ago may still wait to be written.
        state.flush();
        session = get(id);
      }
      if (now >= session.expiresAt) throw expired(session);
      state.writeSoon(`session:${id}`, () => use.run({ id, now }));
      return withExpiry({ ...session, lastUsedAt: Math.max(session.lastUsedAt, now) });
    },
    get(id) {
      state.flush();
      return get(id);
    },
    list(limit, before) {
      state.flush();
      return state.read(() => page.all({ limit, before })).map(withExpiry);
    },
  };
}

function expired({ id, lastUsedAt, expiresAt }: Session): Error {
  const [last, end] = [lastUsedAt, expiresAt].map((at) => new Date(at).toISOString());
  return fail("SESSION_EXPIRED", `session ${quote(id)} was last used at ${last} and expired at ${end}`);
}

/** An id as the caller gave it may be anything. */
function quote(id: string): string {
  return JSON.stringify(id.length > 64 ? `${id.slice(0, 64)}…` : id);
}
