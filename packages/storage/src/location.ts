import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { fail } from "./errors.ts";

/** The files of a store, in the order in which they are opened. */
export const STORE_FILES = ["state", "record", "shared"] as const;

/** One of the files of a store. */
export type StoreFile = (typeof STORE_FILES)[number];

/** Where the parts of a store are, absolute. */
export interface StoreLocation {
  readonly folder: string;
  readonly state: string;
  readonly record: string;
  readonly shared: string;
  /** The folder of the journals. */
  readonly journal: string;
  /** The folder of the backups. */
  readonly backups: string;
  /** The file that is given up when the disk is full. */
  readonly ballast: string;
}

const REMEDY = "Write sqlite:PATH, where PATH is a file or a folder.";

/**
 * Reads a store's URL: `sqlite:PATH`, where PATH is the state file, or a folder that is there or ends in a slash.
 * The message never repeats the URL: one of another kind may hold a password.
 * @throws INVALID_INPUT UNSUPPORTED
 */
export function parseStoreUrl(url: string): StoreLocation {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  if (scheme === "postgres" || scheme === "postgresql") {
    throw fail("UNSUPPORTED", "this version does not keep its store in Postgres", { remedy: REMEDY });
  }
  if (scheme !== "sqlite") {
    throw fail("INVALID_INPUT", "the store's URL does not begin with sqlite:", { remedy: REMEDY });
  }
  const named = url.slice("sqlite:".length);
  if (named === ":memory:") {
    throw fail("UNSUPPORTED", "a store in memory remembers nothing", { remedy: REMEDY });
  }
  if (named === "" || named.includes("\0")) {
    throw fail("INVALID_INPUT", "the store's URL names no path", { remedy: REMEDY });
  }
  if (/^\/\/[^/]/.test(named)) {
    throw fail("INVALID_INPUT", "the store's URL names a host, and SQLite files lie on this machine", {
      remedy: REMEDY,
    });
  }
  return locate(named);
}

function locate(named: string): StoreLocation {
  const absolute = path.resolve(named);
  if (named.endsWith("/") || isFolder(absolute)) {
    return {
      folder: absolute,
      state: path.join(absolute, "state.db"),
      record: path.join(absolute, "record.db"),
      shared: path.join(absolute, "shared.db"),
      journal: path.join(absolute, "journal"),
      backups: path.join(absolute, "backups"),
      ballast: path.join(absolute, "ballast"),
    };
  }
  const { dir, name, ext } = path.parse(absolute);
  const beside = (part: string): string => path.join(dir, `${name}.${part}`);
  return {
    folder: dir,
    state: absolute,
    record: beside(`record${ext}`),
    shared: beside(`shared${ext}`),
    journal: beside("journal"),
    backups: beside("backups"),
    ballast: beside("ballast"),
  };
}

function isFolder(absolute: string): boolean {
  return existsSync(absolute) && statSync(absolute).isDirectory();
}
