/**
 * The program in which an untrusted plugin runs: one process, one call at a time.
 *
 * - H1  The process is confined before a byte of the plugin is loaded.
 * - H2  It lives no longer than the server: when the pipe closes it ends.
 * - H3  What the plugin does to its own globals stays here; the server believes nothing unchecked.
 */
import { Socket } from "node:net";
import { checkPlugins } from "../../plugin.ts";
import type { Plugin } from "../../types.ts";
import { readFrames, writeFrame } from "../frames.ts";
import { describePlugin } from "../manifest.ts";
import type { LoadMessage, ToPlugin } from "../messages.ts";
import { confine } from "./confine.ts";
import { createCalls } from "./serve-calls.ts";
import type { Calls } from "./serve-calls.ts";

/** The pipes that the server opens besides stdin, stdout and stderr. */
const MESSAGES = 3;

const pipe = new Socket({ fd: MESSAGES, readable: true, writable: true });
const send = (message: object): void => writeFrame(pipe, message);
let calls: Calls | undefined;

pipe.once("close", () => process.exit(0));
pipe.on("error", () => process.exit(0));
readFrames(pipe, {
  onFrame(frame) {
    const message = frame as ToPlugin;
    if (message.kind === "load") void load(message);
    else calls?.take(message);
  },
  onFault: () => process.exit(1),
});

async function load(message: LoadMessage): Promise<void> {
  try {
    // What the shell that set the limits added.
    for (const name of Object.keys(process.env)) if (!message.environment.includes(name)) delete process.env[name];
    confine({ network: message.network, pipe, onDenied: (what) => send({ kind: "denied", what }) });
    const plugin = await importPlugin(message);
    checkPlugins([plugin]);
    calls = createCalls(plugin, send);
    send({ kind: "loaded", manifest: describePlugin(plugin) });
  } catch (error) {
    send({ kind: "refused", message: describe(error) });
  }
}

async function importPlugin({ entry, settings }: LoadMessage): Promise<Plugin> {
  const module = (await import(entry)) as { readonly plugin?: unknown };
  const exported = typeof module.plugin === "function" ? ((await module.plugin(settings)) as unknown) : module.plugin;
  if (exported === undefined)
    throw new TypeError(
      "expected an export named plugin, as in `export const plugin = { name, version, apiVersion: 1, tools }`",
    );
  return exported as Plugin;
}

/** What is wrong and, where an author often gets it wrong, what to do. A thrown value may be a trap itself. */
function describe(error: unknown): string {
  try {
    if (!(error instanceof Error)) return String(error);
    const {
      code,
      permission,
      resource = "",
    } = error as NodeJS.ErrnoException & {
      readonly permission?: string;
      readonly resource?: string;
    };
    const message = error.message || error.name;
    if (code === "ERR_MODULE_NOT_FOUND") return `${message}; is it installed, with npm install in the plugin's folder?`;
    if (code === "ERR_ACCESS_DENIED" && permission !== undefined)
      return `it was refused ${permission} ${resource}; ${adviceOn(resource)}`.trim();
    // Node keeps the place to itself.
    if (error instanceof SyntaxError) return `${message}; node --check on the plugin's file shows where`;
    return message;
  } catch {
    return "threw a value that cannot be read";
  }
}

function adviceOn(resource: string): string {
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(resource) ?? [];
  return name === undefined
    ? "what a plugin may do, and which grants there are, is in docs/guides/write-a-tool.md"
    : `if it needs ${name.startsWith(".") ? "that package" : name}, its package.json must name it under dependencies`;
}
