/**
 * The statements on context entries. A share is one of them: it decides the version, keeps the one before and refuses what
 * is stale, all under one lock.
 */
import type { Database } from "@container-kit/storage";
import { and, asc, desc, eq, getTableColumns, lte, sql } from "drizzle-orm";
import type { SQL } from "drizzle-orm";
import { boundLimit } from "../bound-limit.ts";
import { KEPT_VERSIONS } from "./schema.ts";
import { entries, past } from "./tables.ts";
import type { VersionRow } from "./tables.ts";

interface Query<Row> {
  get(values?: Readonly<Record<string, unknown>>): Row | undefined;
  all(values?: Readonly<Record<string, unknown>>): readonly Row[];
}

interface Change {
  run(values?: Readonly<Record<string, unknown>>): { readonly changes: number };
}

/** What a batch of removals must know of a row. */
export type MeasuredRow = Pick<typeof entries.$inferSelect, "session" | "type" | "key" | "expires" | "last" | "held">;

/** Built once for an open store. */
export interface EntryStatements {
  /** `expected` absent or 0. Answers nothing when it is refused. */
  readonly share: Query<{ readonly version: number }>;
  /** Over a version that must be there. Answers nothing when it is refused. */
  readonly follow: Query<{ readonly version: number }>;
  readonly find: Query<VersionRow>;
  readonly past: Query<VersionRow>;
  readonly page: Query<VersionRow>;
  readonly pageOfType: Query<VersionRow>;
  readonly inOrder: Query<VersionRow>;
  readonly remove: Change;
  readonly removeExpired: Change;
  readonly removeRange: Change;
  readonly measure: Query<MeasuredRow>;
  readonly usage: Query<{ readonly entries: number; readonly bytes: number }>;
  readonly chunkEnd: Query<Pick<VersionRow, "session" | "type" | "key">>;
  readonly producedPast: Query<Pick<VersionRow, "type" | "key" | "version">>;
  readonly produced: Query<Pick<VersionRow, "type" | "key" | "version">>;
  readonly restore: Change;
  readonly removePast: Change;
  readonly weigh: Change;
}

const ph = sql.placeholder;
/** Of the earlier versions. */
const places = sql.raw(String(KEPT_VERSIONS - 1));
const isNamed = and(eq(entries.session, ph("session")), eq(entries.type, ph("type")), eq(entries.key, ph("key")));
const isPast = and(eq(past.session, ph("session")), eq(past.type, ph("type")), eq(past.key, ph("key")));
const isLive = sql`${entries.expires} > ${ph("now")}`;
const isAfter = sql`(${entries.session}, ${entries.type}, ${entries.key}) > (${ph("session")}, ${ph("type")}, ${ph("key")})`;
const isUpTo = sql`(${entries.session}, ${entries.type}, ${entries.key}) <= (${ph("endSession")}, ${ph("endType")}, ${ph("endKey")})`;
const { last: _last, held: _held, ...version } = getTableColumns(entries);
const { place: _place, ...pastVersion } = getTableColumns(past);

/** Builds them, once. */
export function prepareEntries({ statements }: Pick<Database, "statements">): EntryStatements {
  return {
    ...prepareShares(statements),
    ...prepareReads(statements),
    ...prepareRemovals(statements),
    ...prepareProduced(statements),
  };
}

function prepareShares(statements: Database["statements"]) {
  return {
    share: statements
      .insert(entries)
      .values({
        session: ph("session"),
        type: ph("type"),
        key: ph("key"),
        version: 1,
        last: 1,
        seq: ph("seq"),
        schema: ph("schema"),
        created: ph("created"),
        expires: ph("expires"),
        size: ph("size"),
        held: ph("size"),
        tool: ph("tool"),
        execution: ph("execution"),
        labels: ph("labels"),
        value: ph("value"),
      })
      .onConflictDoUpdate({
        target: [entries.session, entries.type, entries.key],
        set: changesTo((name) => sql.raw(`excluded.${name}`)),
        setWhere: sql`${entries.expires} <= excluded.created
          OR (${ph("expected")} IS NULL AND ${entries.schema} <= excluded.schema)`,
      })
      .returning({ version: entries.version })
      .prepare(),
    follow: statements
      .update(entries)
      .set(changesTo((name) => sql`${ph(name)}`))
      .where(
        and(
          isNamed,
          sql`${entries.expires} > ${ph("created")}`,
          eq(entries.version, ph("expected")),
          lte(entries.schema, ph("schema")),
        ),
      )
      .returning({ version: entries.version })
      .prepare(),
  };
}

/** How a row becomes that of the next version. What has expired counts as none: then the first one. */
function changesTo(given: (name: keyof VersionRow) => SQL) {
  const isLive = sql`${entries.expires} > ${given("created")}`;
  const next = sql`iif(${isLive}, ${entries.last} + 1, 1)`;
  /** What lay in the place that the present version now takes. */
  const replaced = sql`coalesce((SELECT p.size FROM context_past p WHERE p.session = ${entries.session}
    AND p.type = ${entries.type} AND p.key = ${entries.key} AND p.place = ${entries.version} % ${places}), 0)`;
  return {
    version: next,
    last: next,
    seq: sql`max(${given("seq")}, ${entries.seq} + 1)`,
    schema: given("schema"),
    created: given("created"),
    expires: given("expires"),
    size: given("size"),
    held: sql`iif(${isLive}, ${entries.held} - ${replaced}, 0) + ${given("size")}`,
    tool: given("tool"),
    execution: given("execution"),
    labels: given("labels"),
    value: given("value"),
  };
}

function prepareReads(statements: Database["statements"]) {
  const hasLabels = sql`(${ph("labels")} IS NULL OR NOT EXISTS (
    SELECT 1 FROM json_each(${ph("labels")}) wanted
    WHERE wanted.value IS NOT (SELECT had.value FROM json_each(${entries.labels}) had WHERE had.key = wanted.key)))`;
  const isOptional = (column: typeof entries.tool | typeof entries.execution, name: string): SQL =>
    sql`(${ph(name)} IS NULL OR ${column} = ${ph(name)})`;
  /** Names first: to put whole rows in order, all values of the session would be read. */
  const page = (ofType: SQL | undefined): Query<VersionRow> => {
    const { type, key, seq } = entries;
    const newest = statements
      .select({ type, key, seq })
      .from(entries)
      .where(
        and(
          eq(entries.session, ph("session")),
          ofType,
          isLive,
          isOptional(entries.tool, "tool"),
          isOptional(entries.execution, "execution"),
          hasLabels,
          sql`(${seq}, ${type}, ${key}) < (${ph("beforeSeq")}, ${ph("beforeType")}, ${ph("beforeKey")})`,
        ),
      )
      .orderBy(desc(seq), desc(type), desc(key))
      .limit(boundLimit("limit"))
      .as("newest");
    const isSame = and(eq(entries.session, ph("session")), eq(type, newest.type), eq(key, newest.key));
    return statements
      .select(version)
      .from(newest)
      .innerJoin(entries, isSame)
      .orderBy(desc(newest.seq), desc(newest.type), desc(newest.key))
      .prepare();
  };
  return {
    find: statements.select(version).from(entries).where(isNamed).prepare(),
    past: statements.select(pastVersion).from(past).where(isPast).orderBy(desc(past.version)).prepare(),
    page: page(undefined),
    pageOfType: page(eq(entries.type, ph("type"))),
    inOrder: statements
      .select(version)
      .from(entries)
      .where(
        and(
          eq(entries.session, ph("session")),
          sql`(${entries.type}, ${entries.key}) > (${ph("type")}, ${ph("key")})`,
          isLive,
        ),
      )
      .orderBy(asc(entries.type), asc(entries.key))
      .limit(boundLimit("limit"))
      .prepare(),
  };
}

function prepareRemovals(statements: Database["statements"]) {
  const { session, type, key, expires, last, held } = entries;
  return {
    remove: statements.delete(entries).where(isNamed).prepare(),
    removeExpired: statements
      .delete(entries)
      .where(and(isNamed, lte(entries.expires, ph("by"))))
      .prepare(),
    removeRange: statements
      .delete(entries)
      .where(and(isAfter, isUpTo, lte(entries.expires, ph("by"))))
      .prepare(),
    measure: statements
      .select({ session, type, key, expires, last, held })
      .from(entries)
      .where(isAfter)
      .orderBy(asc(session), asc(type), asc(key))
      .limit(boundLimit("limit"))
      .prepare(),
    usage: statements
      .select({ entries: sql<number>`count(*)`, bytes: sql<number>`coalesce(sum(${held}), 0)` })
      .from(entries)
      .where(and(isAfter, isUpTo))
      .prepare(),
    chunkEnd: statements
      .select({ session, type, key })
      .from(entries)
      .where(isAfter)
      .orderBy(asc(session), asc(type), asc(key))
      .limit(1)
      .offset(ph("rows"))
      .prepare(),
  };
}

function prepareProduced(statements: Database["statements"]) {
  const { type, key, version } = entries;
  return {
    producedPast: statements
      .delete(past)
      .where(and(eq(past.session, ph("session")), eq(past.execution, ph("execution"))))
      .returning({ type: past.type, key: past.key, version: past.version })
      .prepare(),
    produced: statements
      .select({ type, key, version })
      .from(entries)
      .where(and(eq(entries.session, ph("session")), eq(entries.execution, ph("execution"))))
      .prepare(),
    /** Not `last`: what is shared next is above all that was ever served, and no trigger keeps what is taken back. */
    restore: statements
      .update(entries)
      .set({
        version: sql`${ph("version")}`,
        seq: sql`${ph("seq")}`,
        schema: sql`${ph("schema")}`,
        created: sql`${ph("created")}`,
        expires: sql`${ph("expires")}`,
        size: sql`${ph("size")}`,
        tool: sql`${ph("tool")}`,
        execution: sql`${ph("execution")}`,
        labels: sql`${ph("labels")}`,
        value: sql`${ph("value")}`,
      })
      .where(isNamed)
      .prepare(),
    removePast: statements
      .delete(past)
      .where(and(isPast, eq(past.version, ph("version"))))
      .prepare(),
    weigh: statements
      .update(entries)
      .set({
        held: sql`${entries.size} + coalesce((SELECT sum(p.size) FROM context_past p WHERE p.session = ${entries.session}
          AND p.type = ${entries.type} AND p.key = ${entries.key}), 0)`,
      })
      .where(isNamed)
      .prepare(),
  };
}
