import { execFile } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { RigError } from "./rig-error.ts";
import { findProgram } from "./rig/programs.ts";
import { layOutBusybox } from "./rig/machine-root.ts";
import { engineRequest } from "./engine-request.ts";
import { importImage } from "./image-import.ts";
import type { Rig } from "./types.ts";

/** What a tiny image holds. */
export interface TinyImageOptions {
  /** `repository:tag`; a unique one by default. */
  readonly reference?: string;
  /** Bytes of random content, which no registry and no compression makes smaller. 1,024 by default. */
  readonly sizeBytes?: number;
  /** Puts busybox in, so that the image can be run: a second more, and two megabytes. Off by default. */
  readonly shell?: boolean;
  /** Dockerfile instructions for its configuration, e.g. `LABEL a=b`. */
  readonly changes?: readonly string[];
}

/** An image of a test's own. */
export interface TinyImage {
  readonly reference: string;
  readonly imageId: string;
  /** Removes the image with every tag that it got meanwhile. */
  readonly remove: () => Promise<void>;
}

/** A name that no other test uses: `testkit/<word>-<random>`, without a tag. */
export function uniqueName(word = "tiny"): string {
  return `testkit/${word}-${randomUUID().slice(0, 8)}`;
}

/**
 * Makes a tiny image that nobody has ever seen, without a build and without a registry: one layer that holds one random
 * file, unless a shell is asked for.
 */
export async function makeTinyImage(rig: Pick<Rig, "engine">, options: TinyImageOptions = {}): Promise<TinyImage> {
  const reference = options.reference ?? `${uniqueName()}:1`;
  const folder = mkdtempSync(join(tmpdir(), "container-kit-tiny-"));
  try {
    const root = join(folder, "root");
    mkdirSync(root);
    writeFileSync(join(root, "content"), randomBytes(options.sizeBytes ?? 1_024));
    if (options.shell === true) await layOutBusybox(root, await requireBusybox());
    const archive = join(folder, "root.tar");
    await promisify(execFile)("tar", ["--owner=0", "--group=0", "-C", root, "-cf", archive, "."]);
    const host = rig.engine.host;
    const imageId = await importImage(host, {
      archive: readFileSync(archive),
      reference,
      ...(options.changes === undefined ? {} : { changes: options.changes }),
    });
    const remove = async (): Promise<void> => {
      await engineRequest(host, "DELETE", `/images/${imageId}?force=true`);
    };
    return { reference, imageId, remove };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function requireBusybox(): Promise<string> {
  const busybox = await findProgram("busybox");
  if (busybox === undefined) throw new RigError("busybox is not on PATH", "Run: npm run setup");
  return busybox;
}
