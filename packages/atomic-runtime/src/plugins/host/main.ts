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
  if (exported === undefined) throw new TypeError("expected an export named plugin");
  return exported as Plugin;
}

/** A thrown value may be a trap itself. */
function describe(error: unknown): string {
  try {
    return error instanceof Error ? error.message || error.name : String(error);
  } catch {
    return "threw a value that cannot be read";
  }
}
