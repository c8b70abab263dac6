import { setImmediate as nextTurn } from "node:timers/promises";
import type { Parts } from "./parts.ts";
import { parseSelector } from "./selector.ts";
import type { HistoryQuery, RecordedError, SessionCompanion, SessionStore, ToolExecution } from "./types.ts";

const SESSIONS_PER_PAGE = 50;
const EXECUTIONS_SHOWN = 100;
const EXPORTED_AT_ONCE = 1000;

/** What is asked of the store: sessions with what happened in them, history and statistics. */
export function createReading(
  parts: Parts,
): Pick<SessionStore, "listSessions" | "getSession" | "exportSession" | "history" | "errors" | "statistics"> {
  const { storage, clocks, history, analytics } = parts;
  const { record } = storage;
  return {
    ...createSessionReading(parts),
    async history(query = {}) {
      await record.catchUp();
      return history.executions(query);
    },
    async errors(query = {}) {
      await record.catchUp();
      return history.errors(query);
    },
    async statistics(query = {}) {
      await record.catchUp();
      return analytics.statistics(query, query.now ?? clocks.wall());
    },
  };
}

function createSessionReading(parts: Parts): Pick<SessionStore, "listSessions" | "getSession" | "exportSession"> {
  const { storage, clocks, sessions, jobs, history, analytics, companions } = parts;
  const { record } = storage;
  return {
    async listSessions({ limit = SESSIONS_PER_PAGE, before = Number.MAX_SAFE_INTEGER, selector = "" } = {}) {
      const requirements = parseSelector(selector);
      await record.catchUp();
      const listed = sessions.list({ limit, before, requirements });
      const countsOf = analytics.summarize(listed.map(({ id }) => id));
      return listed.map((session) => ({ ...session, ...countsOf(session.id) }));
    },
    async getSession(sessionId, { executions: limit = EXECUTIONS_SHOWN } = {}) {
      sessions.get(sessionId);
      const found = await jobs.ofSession(sessionId);
      await record.catchUp();
      const shown = limit === 0 ? [] : history.executions({ sessionId, limit });
      const errors = limit === 0 ? [] : history.errors({ sessionId, limit });
      const statistics = analytics.statistics({ sessionId }, clocks.wall());
      return {
        ...sessions.get(sessionId),
        jobs: found,
        executions: shown.toReversed(),
        errors: errors.toReversed(),
        statistics,
        omitted: Math.max(0, statistics.count - shown.length),
      };
    },
    async exportSession(sessionId) {
      const session = sessions.get(sessionId);
      const found = await jobs.ofSession(sessionId);
      await record.catchUp();
      return {
        format: "container-kit-session",
        version: 1,
        exportedAt: clocks.wall(),
        session,
        jobs: found,
        executions: await all(
          (query) => history.executions(query),
          sessionId,
          ({ id }: ToolExecution) => id,
        ),
        errors: await all(
          (query) => history.errors(query),
          sessionId,
          ({ executionId }: RecordedError) => executionId,
        ),
        statistics: analytics.statistics({ sessionId }, clocks.wall()),
        ...(await exportOfEach(companions, sessionId)),
      };
    },
  };
}

/** What other packages keep of a session, by their names. */
async function exportOfEach(
  companions: readonly SessionCompanion[],
  sessionId: string,
): Promise<Readonly<Record<string, unknown>>> {
  const members: Record<string, unknown> = {};
  for (const companion of companions) {
    if (companion.exportSession !== undefined) members[companion.name] = await companion.exportSession(sessionId);
  }
  return members;
}

/** Page after page, the oldest first in the end; calls of others have their turn between. */
async function all<Item>(
  page: (query: HistoryQuery) => readonly Item[],
  sessionId: string,
  idOf: (item: Item) => string,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let before: string | undefined; ;) {
    const next = page({ sessionId, limit: EXPORTED_AT_ONCE, ...(before === undefined ? {} : { before }) });
    items.push(...next);
    const last = next.at(-1);
    if (last === undefined || next.length < EXPORTED_AT_ONCE) return items.reverse();
    before = idOf(last);
    await nextTurn();
  }
}
