#!/usr/bin/env node
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { compileCached } from "./launch/code-cache.ts";
import { settleHome } from "./launch/settle-home.ts";

/**
 * Starts the program that lies beside this file, from the code that V8 compiled the last time.
 *
 * Only the server's start is waited for by somebody, again and again; so only `serve` keeps code, when it ends or after
 * a while, and every command uses it.
 */
const SAVE_AFTER_MS = 5_000;

settleHome(process.env);
const file = join(__dirname, "program.js");
const program = compileCached(file, cacheFolder(process.env));
if (!program.hit && process.argv[2] === "serve") {
  let saved = false;
  const save = (): void => {
    if (!saved) program.save();
    saved = true;
  };
  process.once("exit", save);
  setTimeout(save, SAVE_AFTER_MS).unref();
}
const start = program.script.runInThisContext() as (...parameters: unknown[]) => void;
const module = { exports: {} };
start(module.exports, createRequire(file), module, file, dirname(file));

/** Beside the record where that has a place of its own, in the user's cache otherwise. */
function cacheFolder({ CONTAINER_KIT_HOME: home, XDG_CACHE_HOME: cache }: NodeJS.ProcessEnv): string {
  if (home !== undefined && home !== "") return join(resolve(home), "cache");
  // A relative one is to be ignored, says who named the variable.
  const all = cache !== undefined && isAbsolute(cache) ? cache : join(homedir(), ".cache");
  return join(all, "container-kit");
}
