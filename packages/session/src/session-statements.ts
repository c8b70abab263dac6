import type { Database } from "@container-kit/storage";
import { and, desc, eq, exists, inArray, lt, not, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import type { Requirement } from "./selector.ts";
import { sessionLabels, sessions } from "./state-tables.ts";
import type { Change, Query } from "./statement.ts";
import type { Timestamp } from "./types.ts";

/** A row of the sessions' table. */
export type SessionRow = typeof sessions.$inferSelect;

/** The statements on sessions. */
export interface SessionStatements {
  readonly insert: Change;
  readonly find: Query<SessionRow>;
  readonly use: Change;
  readonly expire: Change;
  readonly writeLabels: Change;
  readonly describe: Change;
  readonly expired: Query<Pick<SessionRow, "id">>;
  readonly setLabel: Change;
  readonly removeLabel: Change;
}

/** Builds them, once. */
export function prepareSessions({ statements }: Database): SessionStatements {
  const id = sql.placeholder("id");
  const now = sql.placeholder("now");
  const named = eq(sessions.id, id);
  const key = sql.placeholder("key");
  const setLabel = statements
    .insert(sessionLabels)
    .values({ sessionId: id, key, value: sql.placeholder("value") })
    .onConflictDoUpdate({ target: [sessionLabels.sessionId, sessionLabels.key], set: { value: sql`excluded.value` } })
    .prepare();
  const removeLabel = statements
    .delete(sessionLabels)
    .where(and(eq(sessionLabels.sessionId, id), eq(sessionLabels.key, key)))
    .prepare();
  return {
    insert: statements.insert(sessions).values(everyColumn()).prepare(),
    find: statements.select().from(sessions).where(named).prepare(),
    use: statements
      .update(sessions)
      .set({ lastUsedAt: sql`max(${sessions.lastUsedAt}, ${now})` })
      .where(named)
      .prepare(),
    expire: statements
      .update(sessions)
      .set({ expiredAt: sql`coalesce(${sessions.expiredAt}, ${now})` })
      .where(named)
      .prepare(),
    writeLabels: statements
      .update(sessions)
      .set({ labels: sql`${sql.placeholder("labels")}` })
      .where(named)
      .prepare(),
    describe: statements
      .update(sessions)
      .set({ metadata: sql`${sql.placeholder("metadata")}` })
      .where(named)
      .prepare(),
    expired: statements
      .select({ id: sessions.id })
      .from(sessions)
      .where(lt(endOf(sql.placeholder("lifetimeMs")), sql.placeholder("before")))
      .orderBy(sessions.lastUsedAt)
      .limit(sql.placeholder("limit"))
      .prepare(),
    setLabel,
    removeLabel,
  };
}

function everyColumn() {
  return {
    id: sql.placeholder("id"),
    createdAt: sql.placeholder("createdAt"),
    lastUsedAt: sql.placeholder("lastUsedAt"),
    labels: sql.placeholder("labels"),
    metadata: sql.placeholder("metadata"),
    lifetimeMs: sql.placeholder("lifetimeMs"),
    expiredAt: sql.placeholder("expiredAt"),
    diskQuota: sql.placeholder("diskQuota"),
  };
}

function endOf(lifetimeMs: ReturnType<typeof sql.placeholder>): SQL {
  const end = sql`${sessions.lastUsedAt} + coalesce(${sessions.lifetimeMs}, ${lifetimeMs})`;
  return sql`min(${end}, coalesce(${sessions.expiredAt}, ${end}))`;
}

/** A page of sessions, the newest use first. Built for each call, since a selector may be anything. */
export function selectPage(
  { statements }: Database,
  page: { readonly limit: number; readonly before: Timestamp; readonly requirements: readonly Requirement[] },
): readonly SessionRow[] {
  return statements
    .select()
    .from(sessions)
    .where(and(lt(sessions.lastUsedAt, page.before), ...page.requirements.map((each) => toCondition(each, statements))))
    .orderBy(desc(sessions.lastUsedAt), desc(sessions.id))
    .limit(page.limit)
    .all();
}

function toCondition({ key, operator, values }: Requirement, statements: Database["statements"]): SQL {
  const isOfKey = and(eq(sessionLabels.sessionId, sessions.id), eq(sessionLabels.key, key));
  const isListed = operator === "in" || operator === "notIn" ? inArray(sessionLabels.value, [...values]) : undefined;
  const found = exists(
    statements
      .select({ one: sql`1` })
      .from(sessionLabels)
      .where(and(isOfKey, isListed)),
  );
  return operator === "in" || operator === "exists" ? found : not(found);
}
