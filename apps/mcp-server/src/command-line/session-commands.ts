import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import type { Does } from "./does.ts";

/** The commands about the durable record. */
export function addSessions(program: Command, does: Does): void {
  const sessions = program.command("sessions").description("the durable record");
  addReading(sessions, does);
  addChanging(sessions, does);
  addBackups(sessions, does);
}

const nothing = (): undefined => undefined;
const firstOf = (command: Command): string => command.args[0] as string;

function addReading(sessions: Command, does: Does): void {
  sessions
    .command("list")
    .description("sessions, the last used first")
    .option("--limit <count>", "how many", readCount, 20)
    .option("--selector <labels>", "only those with these labels, e.g. team=a,env!=test")
    .action(
      does(
        async () => (await import("./commands/sessions/list.ts")).listSessions,
        (command) => command.opts<{ limit: number }>(),
      ),
    );
  sessions
    .command("show")
    .description("one session with its executions, jobs and errors")
    .argument("<id>", "the session")
    .option("--trace", "as a tree: what each took and left, and where its failure went")
    .action(
      does(
        async () => {
          const [{ showSession }, { traceSession }] = await Promise.all([
            import("./commands/sessions/list.ts"),
            import("./commands/sessions/trace.ts"),
          ]);
          return (args: { readonly id: string; readonly trace?: boolean }, context) =>
            args.trace === true ? traceSession(args, context) : showSession(args, context);
        },
        (command) => ({ ...command.opts<{ trace?: boolean }>(), id: firstOf(command) }),
      ),
    );
  sessions
    .command("stats")
    .description("how often and how fast, by tool; what failed")
    .option("--session <id>", "of this session only")
    .option("--tool <name>", "of this tool only")
    .action(
      does(
        async () => (await import("./commands/sessions/stats.ts")).showStatistics,
        (command) => command.opts(),
      ),
    );
  sessions
    .command("export")
    .description("one session with everything that belongs to it, as JSON")
    .argument("<id>", "the session")
    .option("--output <file>", "new file to write; stdout by default")
    .action(
      does(
        async () => (await import("./commands/sessions/change.ts")).exportSession,
        (command) => ({ ...command.opts<object>(), id: firstOf(command) }),
      ),
    );
}

function addChanging(sessions: Command, does: Does): void {
  sessions
    .command("label")
    .description("set labels of a session, or remove them")
    .argument("<id>", "the session")
    .argument("<changes...>", "name=value sets a label, name- removes it")
    .action(
      does(
        async () => (await import("./commands/sessions/change.ts")).labelSession,
        (command) => ({ id: firstOf(command), changes: command.args.slice(1) }),
      ),
    );
  sessions
    .command("delete")
    .description("remove a session with everything that belongs to it")
    .argument("<id>", "the session")
    .action(
      does(
        async () => (await import("./commands/sessions/change.ts")).deleteSession,
        (command) => ({ id: firstOf(command) }),
      ),
    );
  sessions
    .command("prune")
    .description("remove sessions that expired long ago")
    .option("--older-than <time>", "how long ago, e.g. 30d, 12h; 30d by default", readDuration)
    .action(
      does(
        async () => (await import("./commands/sessions/change.ts")).pruneSessions,
        (command) => command.opts(),
      ),
    );
}

function addBackups(sessions: Command, does: Does): void {
  sessions
    .command("backup")
    .description("copy the record while it is used")
    .action(does(async () => (await import("./commands/sessions/backups.ts")).makeBackup, nothing));
  sessions
    .command("backups")
    .description("the copies that are there, newest first")
    .action(does(async () => (await import("./commands/sessions/backups.ts")).listBackups, nothing));
  sessions
    .command("restore")
    .description("put a copy in the record's place, which is set aside")
    .argument("<name>", "as sessions backups shows it")
    .action(
      does(
        async () => (await import("./commands/sessions/backups.ts")).restoreBackup,
        (command) => ({ name: firstOf(command) }),
      ),
    );
}

function readCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1000) throw new InvalidArgumentError("Expected 1 to 1000.");
  return count;
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

function readDuration(text: string): number {
  const [, amount = "", unit = ""] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  const milliseconds = UNITS[unit];
  if (milliseconds === undefined) throw new InvalidArgumentError("Expected a number with s, m, h, d or w, e.g. 30d.");
  return Number(amount) * milliseconds;
}
