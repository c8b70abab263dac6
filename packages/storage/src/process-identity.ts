/**
 * Tells a living process from a dead one whose number another has taken over.
 *
 * - P1  A process is its number, the moment it started, and the boot and the pid namespace it belongs to, as far as the
 *       system tells them.
 * - P2  In doubt a process is alive: work of the living is never taken for abandoned. One of another pid namespace
 *       cannot be seen from here, and is in doubt (holder.ts knows more).
 * - P3  A zombie is dead: it has ended and only waits for its parent to ask.
 */
import { readFileSync, readlinkSync } from "node:fs";

/** Which process it is, and not only which number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process; null where there is no /proc. */
  readonly processStart: string | null;
  readonly bootId: string | null;
  /** Where its number means it, as in a container; null where the system does not tell. */
  readonly namespace: string | null;
}

/** The process that has this number now. */
export function identifyProcess(pid: number): ProcessIdentity {
  return { pid, processStart: readStat(pid)?.start ?? null, bootId: readBootId(), namespace: readNamespace() };
}

/** Whether this very process still runs; true in doubt (P2). */
export function isAlive(identity: ProcessIdentity): boolean {
  const { pid, processStart, bootId } = identity;
  const boot = readBootId();
  if (bootId !== null && boot !== null && bootId !== boot) return false;
  if (!canSee(identity)) return true;
  if (!exists(pid)) return false;
  const stat = readStat(pid);
  if (stat === undefined || processStart === null) return true;
  return stat.start === processStart && !stat.ended;
}

/** Whether its number means the same process here. */
export function canSee({ namespace }: Pick<ProcessIdentity, "namespace">): boolean {
  const here = readNamespace();
  return namespace === null || here === null || namespace === here;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there and another user's.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** proc_pid_stat(5): the name in parentheses may hold anything; the state is field 3, the start time field 22. */
function readStat(pid: number): { readonly start: string; readonly ended: boolean } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, start] = [fields[0], fields[19]];
  return start === undefined ? undefined : { start, ended: state === "Z" || state === "X" };
}

function readBootId(): string | null {
  return read("/proc/sys/kernel/random/boot_id")?.trim() ?? null;
}

/** Absent on other systems, and hidden from other users on some: no knowledge either way. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

let known: string | null | undefined;

function readNamespace(): string | null {
  if (known !== undefined) return known;
  try {
    known = readlinkSync("/proc/self/ns/pid");
  } catch {
    // No /proc: nothing is known of namespaces, and there are none on such systems.
    known = null;
  }
  return known;
}
