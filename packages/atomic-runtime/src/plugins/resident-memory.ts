import { readFile } from "node:fs/promises";

const PAGE = 4_096;

/** Bytes of memory that a process holds, or undefined where the system does not tell. */
export async function residentMemory(pid: number): Promise<number | undefined> {
  try {
    const [, resident = ""] = (await readFile(`/proc/${pid}/statm`, "utf8")).split(" ");
    return Number(resident) * PAGE;
  } catch {
    // No /proc on this system, or the process has ended: the heap limit alone holds then.
    return undefined;
  }
}
