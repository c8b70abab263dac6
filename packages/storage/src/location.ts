import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { fail } from "./errors.ts";

/** Where the two files of a store are, absolute. */
export interface StoreLocation {
  readonly folder: string;
  readonly state: string;
  readonly record: string;
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
    };
  }
  const { dir, name, ext } = path.parse(absolute);
  return { folder: dir, state: absolute, record: path.join(dir, `${name}.record${ext}`) };
}

function isFolder(absolute: string): boolean {
  return existsSync(absolute) && statSync(absolute).isDirectory();
}
