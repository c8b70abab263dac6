/**
 * Stand-ins for base images that cannot be pulled, made from this machine.
 *
 * - S1  The name and the labels are honest: `standin/node:<major>-slim`, with what it stands in for, what it was made of
 *       and the version of Node that is really inside. A stand-in never bears the name of the real image.
 * - S2  It is made anew only when something that it was made of has changed; a label holds the mark of that.
 */
import { createHash } from "node:crypto";
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { engineRequest } from "../engine-request.ts";
import { importImage } from "../image-import.ts";
import type { Standin } from "../types.ts";
import { CERTIFICATES, findParts, layOut, packRoot, versionOf } from "./machine-root.ts";
import type { MachineParts } from "./machine-root.ts";
import type { RigPaths } from "./paths.ts";

/** Raised when the recipe itself changes. */
const RECIPE = 1;

export interface MadeStandin extends Standin {
  /** Whether it had to be made just now. */
  readonly fresh: boolean;
}

/** Makes sure that the engine has the stand-in for Node's image. Undefined where this machine cannot make one. */
export async function ensureNodeStandin(host: string, paths: RigPaths): Promise<MadeStandin | undefined> {
  const parts = await findParts();
  if (parts === undefined) return undefined;
  const node = process.versions.node;
  const of = `node:${node.split(".")[0] ?? ""}-slim`;
  const image = `standin/${of}`;
  const mark = markOf(parts);
  if ((await markInEngine(host, image)) === mark) return { image, of, node, fresh: false };
  const folder = mkdtempSync(join(paths.folder, "standin-"));
  try {
    const root = join(folder, "root");
    const archive = join(folder, "root.tar");
    await layOut(root, parts);
    await packRoot(root, archive);
    const changes = imageChanges(parts, { of, mark, node });
    await importImage(host, { archive: createReadStream(archive), reference: image, changes });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { image, of, node, fresh: true };
}

function imageChanges(
  parts: MachineParts,
  { of, mark, node }: { readonly of: string; readonly mark: string; readonly node: string },
): string[] {
  const npm = parts.npm === undefined ? "no npm" : `npm ${versionOf(parts.npm)}`;
  const trustsMore = process.env["NODE_EXTRA_CA_CERTS"] !== undefined && parts.certificates !== undefined;
  return [
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    `ENV NODE_VERSION=${node}`,
    ...(trustsMore ? [`ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}`] : []),
    'CMD ["node"]',
    `LABEL standin.of="${of}"`,
    `LABEL standin.source="this machine: node ${node}, ${npm}, busybox"`,
    `LABEL standin.node="${node}"`,
    `LABEL standin.mark="${mark}"`,
  ];
}

/** Changes when any part of the machine that goes into the image changes. */
function markOf(parts: MachineParts): string {
  const facts = [
    RECIPE,
    process.versions.node,
    stamp(parts.node),
    stamp(parts.busybox),
    parts.npm === undefined ? "" : versionOf(parts.npm),
    parts.corepack === undefined ? "" : versionOf(parts.corepack),
    parts.certificates === undefined ? "" : readFileSync(parts.certificates).length,
    process.env["NODE_EXTRA_CA_CERTS"] === undefined,
  ];
  return createHash("sha256").update(JSON.stringify(facts)).digest("hex").slice(0, 16);
}

/** Changes when the file does. */
function stamp(file: string): string {
  const { size, mtimeMs } = statSync(file);
  return `${size}-${mtimeMs}`;
}

async function markInEngine(host: string, image: string): Promise<string | undefined> {
  const answer = await engineRequest(host, "GET", `/images/${image}/json`);
  if (answer.status !== 200) return undefined;
  const { Config } = answer.json() as { Config?: { Labels?: Record<string, string> | null } };
  return Config?.Labels?.["standin.mark"];
}
