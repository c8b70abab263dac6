#!/usr/bin/env node
/**
 * `pnpm dev [-- <arguments>]`: the program from its sources, started again when one of them changes. `serve` by default.
 *
 * - V1  stdout carries what the program prints and nothing else, so that a client can speak MCP to it; what this script
 *       has to say goes to stderr. (pnpm itself prints a line first: a client starts `node scripts/dev.mjs`.)
 * - V2  stdin stays with this script and is handed to whichever program runs; what comes while none does waits for the
 *       next. When it ends, the program's ends too, and this script goes with the program.
 */
import { spawn } from "node:child_process";
import { watch } from "node:fs";
import { join, relative } from "node:path";
import { constants } from "node:os";
import { packageFolders } from "./bootstrap/packages.mjs";
import { root } from "./bootstrap/root.mjs";

const DEBOUNCE_MS = 150;
const GRACE_MS = 3_000;

const given = process.argv.slice(2).filter((argument) => argument !== "--");
const program = [
  "--enable-source-maps",
  "--conditions=@container-kit/source",
  `--import=${new URL("dev/register.mjs", import.meta.url).href}`,
  join(root, "apps", "mcp-server", "src", "cli.ts"),
  ...(given.length > 0 ? given : ["serve"]),
];

let child;
/** Where input goes; undefined while no program runs that will read it. */
let input;
const waiting = [];
let isRestarting = false;
let inputEnded = false;
let debounce;

function say(message) {
  process.stderr.write(`[dev] ${message}\n`);
}

function start() {
  isRestarting = false;
  child = spawn(process.execPath, program, { stdio: ["pipe", "pipe", "inherit"] });
  child.stdout.pipe(process.stdout, { end: false });
  // A program that is being ended no longer reads.
  child.stdin.on("error", () => {});
  input = child.stdin;
  for (const chunk of waiting.splice(0)) input.write(chunk);
  if (inputEnded) input.end();
  child.once("close", onEnd);
}

function onEnd(code, signal) {
  child = undefined;
  input = undefined;
  if (isRestarting) start();
  else if (inputEnded || code === 0) process.exit(code ?? 128 + constants.signals[signal]);
  else say(`it ended with ${signal ?? `status ${code}`}; waiting for a change`);
}

function restart(file) {
  say(`${file} changed: starting again`);
  if (child === undefined) {
    start();
    return;
  }
  isRestarting = true;
  input = undefined;
  const ending = child;
  ending.kill("SIGTERM");
  const insist = setTimeout(() => ending.kill("SIGKILL"), GRACE_MS);
  ending.once("close", () => clearTimeout(insist));
}

function onChange(folder, name) {
  if (name === null || !/\.(ts|json|md)$/.test(name) || name.endsWith(".test.ts")) return;
  clearTimeout(debounce);
  debounce = setTimeout(() => restart(relative(root, join(folder, name))), DEBOUNCE_MS);
}

process.stdin.on("data", (chunk) => (input === undefined ? waiting.push(chunk) : input.write(chunk)));
process.stdin.on("end", () => {
  inputEnded = true;
  if (child === undefined) process.exit(0);
  input?.end();
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    inputEnded = true;
    if (child === undefined) process.exit(128 + constants.signals[signal]);
    child.kill(signal);
  });
}

for (const folder of packageFolders(["packages", "apps"]).map((path) => join(path, "src"))) {
  watch(folder, { recursive: true }, (_, file) => onChange(folder, file));
}
start();
