/**
 * The body of the keeper's thread: it brings the journals into the tables and looks after all files, so that the
 * thread of the calls does neither.
 *
 * - R1  It has connections of its own. What it may not do in a thread beside another, it leaves to a later round.
 * - R2  It checkpoints all files when enough pages wait there; no commit of the other thread has to. What is free in the
 *       shared file it gives back, a little with each round. Trouble with the record keeps it from none of the others.
 * - R3  Once a day one of the processes on a store reads the large files through and makes a backup.
 * - R4  Its death harms nothing: the thread that started it goes on by itself.
 * - R5  Where the system can tell threads apart, it steps back behind those that answer calls.
 */
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import path from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { isKitError } from "@container-kit/errors";
import type { LogFields, Logger } from "@container-kit/observability";
import type { Database as SqliteClient } from "better-sqlite3";
import { CertainTime } from "./certain-time.ts";
import { shortenLog } from "./checkpoint.ts";
import { DailyWork } from "./daily-work.ts";
import { giveBackPages } from "./free-pages.ts";
import { ALONE, IngestDriver } from "./ingest-driver.ts";
import type { KeeperData, KeeperOrder, KeeperReport } from "./keeper-messages.ts";
import { connect } from "./open-file.ts";
import type { Projection } from "./types.ts";

const LOCK_WAIT_MS = 2;
/** Of 19: enough to let others go first, and not so much that a busy machine never lets it run. */
const NICENESS = 10;

/**
 * Runs the keeper in the worker thread that calls it, until the thread that started it says so.
 * A program of its own does nothing but call this with the projections of all packages:
 * `runRecordKeeper([sessionProjection])`.
 */
export function runRecordKeeper(projections: readonly Projection[]): void {
  if (parentPort === null) throw new TypeError("expected to run in a worker thread that openStorage has started");
  const port = parentPort;
  const data = workerData as KeeperData;
  stepBack();
  const say = (report: KeeperReport): void => port.postMessage(report);
  const logger = createReportingLogger(say);
  const { location, busyTimeoutMs } = data;
  const open = { busyTimeoutMs, kept: true };
  const beside = {
    state: connect(location.state, { ...open, part: "state" }),
    shared: connect(location.shared, { ...open, part: "shared" }),
  };
  // A checkpoint that waited for long would keep the other thread's writes waiting.
  for (const client of Object.values(beside)) client.pragma(`busy_timeout = ${LOCK_WAIT_MS}`);
  const driver = new IngestDriver({
    connect: () => connect(location.record, { ...open, part: "record" }),
    file: location.record,
    folder: location.journal,
    ownJournal: data.ownJournal,
    busyTimeoutMs,
    logger,
    pace: ALONE,
    retention: data.retention,
    clock: Date.now,
    time: new CertainTime(data.seen, Date.now),
    onRound: () => {
      lookAfter(beside, logger);
      say({ said: "skipped", skipped: driver.skipped });
    },
    onError: (error) => {
      say({ said: "failed", message: error.message, code: isKitError(error) ? error.code : undefined });
      lookAfter(beside, logger);
    },
  });
  for (const projection of projections) driver.register(projection);
  const daily = new DailyWork({
    data,
    driver,
    logger,
    onDamage: (file, damage) => say({ said: "damage", file, damage }),
  });
  obey(port, { driver, say, end: () => end(port, { driver, daily, beside: Object.values(beside) }) });
  driver.soon();
}

/** R2. What is not done now is done in a later round: the thread of the calls sees for itself what is wrong with a file. */
function lookAfter({ state, shared }: Readonly<Record<"state" | "shared", SqliteClient>>, logger: Logger): void {
  for (const work of [() => shortenLog(state), () => shortenLog(shared), () => giveBackPages(shared)]) {
    try {
      work();
    } catch (error) {
      logger.debug("a file was left as it is", { error });
    }
  }
}

/** R5. Linux gives each thread a number and a priority of its own; elsewhere it would be the whole process's. */
function stepBack(): void {
  try {
    setPriority(Number(path.basename(readlinkSync("/proc/thread-self"))), NICENESS);
  } catch {
    // Without it the keeper only competes with the calls as an equal.
  }
}

interface Obedience {
  readonly driver: IngestDriver;
  readonly say: (report: KeeperReport) => void;
  readonly end: () => Promise<void>;
}

function obey(port: MessagePort, { driver, say, end }: Obedience): void {
  port.on("message", (order: KeeperOrder) => {
    if (order.do === "soon") driver.soon();
    else if (order.do === "close") void end();
    else {
      const { number } = order;
      driver.catchUp().then(
        () => say({ said: "caughtUp", number, ok: true }),
        // Why is found out by who asked: it does the work itself then.
        () => say({ said: "caughtUp", number, ok: false }),
      );
    }
  });
}

async function end(
  port: MessagePort,
  {
    driver,
    daily,
    beside,
  }: { readonly driver: IngestDriver; readonly daily: DailyWork; readonly beside: readonly { close(): unknown }[] },
): Promise<void> {
  await daily.close();
  await driver.close({ last: false });
  for (const client of beside) client.close();
  // Without a port that listens nothing keeps the thread.
  port.close();
}

function createReportingLogger(say: (report: KeeperReport) => void, own: LogFields = {}): Logger {
  const at =
    (level: "error" | "warn" | "info" | "debug") =>
    (message: string, fields: LogFields = {}) => {
      const all = Object.entries({ ...own, ...fields });
      const plain = all.map(([name, value]) => [name, value instanceof Error ? value.message : value] as const);
      say({ said: "log", level, message, fields: Object.fromEntries(plain) });
    };
  return {
    error: at("error"),
    warn: at("warn"),
    info: at("info"),
    debug: at("debug"),
    child: (fields) => createReportingLogger(say, { ...own, ...fields }),
  };
}
