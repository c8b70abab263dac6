/**
 * What was approved of each plugin: its words, and its files.
 *
 * - K1  The first load pins. Words that changed since are refused until a person approves them: a model reads them.
 * - K2  A lock file that cannot be read approves nothing.
 * - K3  It is replaced as a whole, so that a reader never sees half of it, by one writer at a time, so that none takes
 *       back what another approved.
 * - K4  That a plugin brings rules is remembered: while it is missing, they are not forgotten.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { fail } from "../errors.ts";
import type { PluginManifest } from "./manifest.ts";
import { ROLE_NAMES } from "./roles.ts";

const LOCK_PAUSE_MS = 25;
const LOCK_TRIES = 200;
/** A writer needs milliseconds. */
const LOCK_STALE_MS = 3_000;

const pinSchema = z.object({
  name: z.string(),
  version: z.string(),
  /** As the configuration named it, relative paths made absolute: known even when its folder is gone. */
  package: z.string().optional(),
  files: z.string(),
  /** Per part, e.g. `tool count_lines: description`, a sum. */
  words: z.record(z.string(), z.string()),
  pinnedAt: z.string(),
});
const lockSchema = z.object({ version: z.literal(1), plugins: z.record(z.string(), pinSchema) });

const POLICIES = "policies";

/** What was approved of one plugin. */
export type Pin = z.output<typeof pinSchema>;

/** How a plugin compares with its pin. */
export interface PinComparison {
  readonly state: "new" | "same" | "files" | "words";
  /** The parts that changed, were added or are gone. */
  readonly changes: readonly string[];
}

/** The pin of a plugin as it is now. */
export function pinOf(manifest: PluginManifest, files: string, reference: string): Pin {
  const words: Record<string, string> = { name: sum(manifest.name) };
  for (const tool of manifest.tools) {
    for (const part of ["title", "description", "toolset", "input", "output", "annotations"] as const)
      words[`tool ${tool.name}: ${part}`] = sum(tool[part]);
    for (const part of ["consumes", "produces"] as const)
      if ((tool[part] ?? []).length > 0) words[`tool ${tool.name}: ${part}`] = sum(tool[part]);
  }
  for (const role of ROLE_NAMES)
    for (const extension of manifest[role]) words[`${role} ${extension.name}`] = sum(extension);
  if (manifest.policies.length > 0) words[POLICIES] = sum(manifest.policies);
  for (const type of manifest.contextTypes) words[`context type ${type.name}`] = sum(type);
  for (const rule of manifest.routingRules) words[`routing rule ${String(rule["name"])}`] = sum(rule);
  const { name, version } = manifest;
  return { name, version, package: reference, files, words, pinnedAt: new Date().toISOString() };
}

/** Whether what was approved under this reference brings rules (K4). */
export function pinnedPolicies(pins: Readonly<Record<string, Pin>>, reference: string): boolean {
  // A pin of an earlier version has only the folder, which is its key.
  return Object.entries(pins).some(
    ([folder, pin]) => (pin.package === reference || folder === reference) && POLICIES in pin.words,
  );
}

/** Compares a plugin with what was approved. */
export function comparePin(pinned: Pin | undefined, current: Pin): PinComparison {
  if (pinned === undefined) return { state: "new", changes: [] };
  const parts = new Set([...Object.keys(pinned.words), ...Object.keys(current.words)]);
  const changes = [...parts].flatMap((part) => {
    const [before, after] = [pinned.words[part], current.words[part]];
    if (before === after) return [];
    return [before === undefined ? `${part} (new)` : after === undefined ? `${part} (gone)` : part];
  });
  if (changes.length > 0) return { state: "words", changes };
  return pinned.files === current.files ? { state: "same", changes } : { state: "files", changes };
}

/** The pins of a lock file, by package; none when there is no file yet. @throws PLUGIN_INVALID when it cannot be read (K2) */
export async function readPins(path: string): Promise<Readonly<Record<string, Pin>>> {
  try {
    return lockSchema.parse(JSON.parse(await readFile(path, "utf8"))).plugins;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw fail("PLUGIN_INVALID", `${path} cannot be read, so that it is not known which plugins were approved`, {
      cause,
      remedy: `Restore the file, or remove it and approve each plugin again with container-kit plugins approve NAME.`,
    });
  }
}

/** Adds pins to the lock file, each under its package. */
export async function writePins(path: string, pins: Readonly<Record<string, Pin>>): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  const release = await lock(`${path}.writing`);
  try {
    const all = { ...(await readPins(path)), ...pins };
    await writeFile(draft, `${JSON.stringify({ version: 1, plugins: all }, undefined, 2)}\n`, { mode: 0o600 });
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
    await release();
  }
}

/** One writer at a time (K3). What a writer left that died is taken over. @throws PLUGIN_INVALID when it stays taken */
async function lock(path: string): Promise<() => Promise<void>> {
  for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
    if (await make(path)) return () => rm(path, { force: true });
    if (await isStale(path)) await removeStale(path);
    else await sleep(LOCK_PAUSE_MS);
  }
  throw fail("PLUGIN_INVALID", `another process writes ${path.replace(/\.writing$/, "")} without end`, {
    remedy: `Try again; if no other container-kit runs, remove ${path}.`,
  });
}

/**
 * One at a time, and only what is still stale then: of two who found it stale, the second would remove what the first has
 * taken by now.
 */
async function removeStale(path: string): Promise<void> {
  const turn = `${path}.turn`;
  if (!(await make(turn))) {
    if (await isStale(turn)) await rm(turn, { force: true });
    return sleep(LOCK_PAUSE_MS);
  }
  try {
    if (await isStale(path)) await rm(path, { force: true });
  } finally {
    await rm(turn, { force: true });
  }
}

/** Whether it was not there before. */
async function make(path: string): Promise<boolean> {
  try {
    await (await open(path, "wx", 0o600)).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

async function isStale(path: string): Promise<boolean> {
  const taken = await stat(path).catch(() => undefined);
  return taken !== undefined && Date.now() - taken.mtimeMs > LOCK_STALE_MS;
}

/** The sum of plain data, whatever the order of its members. */
export function sum(value: unknown): string {
  return createHash("sha256").update(canonical(value)).digest("hex");
}

/** JSON with its members in order, so that only what is said counts. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item)).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
}
