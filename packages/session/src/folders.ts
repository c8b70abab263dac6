/** The folders of sessions and jobs. Only an id that is in a table becomes part of a path. */
import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";

const ONLY_THIS_USER = 0o700;

/** Where a session's and a job's material lies. */
export interface Folders {
  /** The session's workspace, made when it is not there. */
  makeSession(id: string): Promise<string>;
  makeJob(id: string): Promise<string>;
  remove(sessionId: string, jobIds: readonly string[]): Promise<void>;
}

/** @param folder the storage's */
export function createFolders(folder: string): Folders {
  const of = (kind: "sessions" | "jobs", id: string): string => path.join(folder, kind, id);
  return {
    makeSession: (id) => make(of("sessions", id)),
    makeJob: (id) => make(of("jobs", id)),
    async remove(sessionId, jobIds) {
      for (const each of [of("sessions", sessionId), ...jobIds.map((id) => of("jobs", id))]) {
        await rm(each, { recursive: true, force: true });
      }
    },
  };
}

async function make(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: ONLY_THIS_USER });
  return folder;
}

/** The bytes of all files below a folder. A link counts as itself; what is gone by the time it is looked at, not at all. */
export async function sizeOfTree(folder: string): Promise<number> {
  let bytes = 0;
  const left = [folder];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const entries = await readdir(next, { withFileTypes: true }).catch(absent);
    for (const entry of entries ?? []) {
      const name = path.join(next, entry.name);
      if (entry.isDirectory()) left.push(name);
      else bytes += (await lstat(name).catch(absent))?.size ?? 0;
    }
  }
  return bytes;
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}
