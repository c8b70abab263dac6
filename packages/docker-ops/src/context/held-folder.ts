/**
 * A folder of the build context, held so that what is done in it is done in it, whatever happens to its path.
 *
 * - H1  On Linux a folder is open by descriptor, reached from its parent's descriptor name by name and never through a
 *       link (`O_NOFOLLOW`); what is in it is addressed as `/proc/self/fd/N/name`. Swapping a folder for a link sends
 *       nothing from elsewhere: the swap is refused, or it comes too late to matter.
 * - H2  Elsewhere the path itself is used, and its real path is compared before and after each use: a swap is found,
 *       before anything is sent.
 * - H3  A descriptor is open while somebody uses the folder, and no longer. One that is opened again must be the same
 *       folder.
 */
import { constants, existsSync } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { join } from "node:path";
import { unreadable } from "./unreadable.ts";

export interface HeldFolder {
  /** Relative to the context, with `/`; empty for the context itself. */
  readonly path: string;
  /**
   * Does something in the folder, with the prefix that addresses what is in it.
   *
   * @throws CONTEXT_INVALID where the folder cannot be opened or is another one by now
   */
  use<T>(work: (prefix: string) => Promise<T>): Promise<T>;
  /** Keeps the folder open until the function that is returned is called. */
  hold(): Promise<() => Promise<void>>;
}

interface Opened {
  readonly prefix: string;
  close(): Promise<void>;
}

const DESCRIPTORS = "/proc/self/fd";
const FOLDER_ONLY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** @param root absolute, with every symbolic link resolved */
export function holdRoot(root: string): HeldFolder {
  return createFolder("", root, (work) => work(root));
}

/** @param name of a folder that is directly in the other */
export function holdChild(parent: HeldFolder, name: string, root: string): HeldFolder {
  const path = childPath(parent, name);
  return createFolder(path, join(root, path), (work) => parent.use((prefix) => work(prefix + name)));
}

/** The path of what is directly in a folder, relative to the context. */
export function childPath({ path }: HeldFolder, name: string): string {
  return path === "" ? name : `${path}/${name}`;
}

type Locate = <T>(work: (location: string) => Promise<T>) => Promise<T>;

function createFolder(path: string, absolute: string, locate: Locate): HeldFolder {
  let users = 0;
  let opened: Promise<Opened> | null = null;
  let identity: string | null = null;

  const openDescriptor = (): Promise<Opened> =>
    locate(async (location) => {
      const handle = await open(location, FOLDER_ONLY);
      const { dev, ino } = await handle.stat({ bigint: true });
      const found = `${dev}:${ino}`;
      identity ??= found;
      if (found === identity) return { prefix: `${DESCRIPTORS}/${handle.fd}/`, close: () => handle.close() };
      await handle.close();
      throw new Error("it is another folder by now");
    });

  const acquire = async (): Promise<Opened> => {
    users += 1;
    try {
      return await (opened ??= byDescriptor() ? openDescriptor() : checkPath(absolute));
    } catch (cause) {
      release().catch(() => {});
      throw unreadable(`the folder ${path === "" ? "." : path}`, path, cause);
    }
  };

  const release = async (): Promise<void> => {
    users -= 1;
    if (users > 0 || opened === null) return;
    const last = opened;
    opened = null;
    await (await last).close();
  };

  return {
    path,
    async use(work) {
      const { prefix } = await acquire();
      try {
        const result = await work(prefix);
        if (!byDescriptor()) await checkPath(absolute);
        return result;
      } finally {
        await release();
      }
    },
    async hold() {
      await acquire();
      return release;
    },
  };
}

/** H2 */
async function checkPath(absolute: string): Promise<Opened> {
  if ((await realpath(absolute)) !== absolute) throw new Error("it is another folder by now");
  return { prefix: `${absolute}/`, close: () => Promise.resolve() };
}

let descriptors: boolean | null = null;

function byDescriptor(): boolean {
  return (descriptors ??= process.platform === "linux" && existsSync(DESCRIPTORS));
}
