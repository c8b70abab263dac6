/**
 * A program of its own with a runtime on a store, for tests that kill it: `worker MODE URL FILE [POINT]`. It says each
 * thing that happened as one line of JSON.
 */
import { appendFile, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import { z } from "zod";
import { createRuntime, definePlugin, defineTool } from "../src/index.ts";

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const annotations = { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false };

/** Makes a file, and then works on until it is killed; can be undone. */
const makeFile = defineTool({
  name: "make_file",
  title: "Make a file",
  description: "Makes a file.",
  toolset: "server",
  annotations,
  input: z.object({ file: z.string(), hangs: z.boolean().default(false) }),
  output: z.object({}),
  async run(input, { willMake }) {
    await willMake({ file: input.file });
    await writeFile(input.file, "made");
    say({ made: input.file });
    if (input.hangs) await sleep(3_600_000);
    return {};
  },
  async undo(notes) {
    for (const note of notes) await rm((note as { file: string }).file, { force: true });
    say({ takenBack: notes });
  },
});

/** Adds a line to a file, slowly. */
const addLine = defineTool({
  name: "add_line",
  title: "Add a line",
  description: "Adds a line.",
  toolset: "server",
  annotations,
  input: z.object({ file: z.string() }),
  output: z.object({ by: z.number() }),
  async run(input) {
    await appendFile(input.file, `${process.pid}\n`);
    await sleep(300);
    return { by: process.pid };
  },
});

/** Kills this process as it is about to ask the store for that, or, for a note, when the note is kept. */
function dieAt(point: string, sessions: SessionStore): SessionStore {
  const die = (): never => {
    process.kill(process.pid, "SIGKILL");
    for (;;);
  };
  if (point === "note") return { ...sessions, noteUndo: (...note) => sessions.noteUndo(...note).then(die) };
  return { ...sessions, [point]: die };
}

async function main(): Promise<void> {
  const [mode = "", url = "", file = "", point = ""] = process.argv.slice(2);
  const storage = await openStorage(url);
  const store = createSessionStore(storage);
  const sessions = point === "" ? store : dieAt(point, store);
  const plugin = definePlugin({ name: "test", version: "1.0.0", apiVersion: 1, tools: [makeFile, addLine] });
  const runtime = createRuntime({ plugins: [plugin], sessions });
  if (mode === "recover") say(await runtime.recover());
  else if (mode === "append") {
    say({ ready: true });
    await new Promise((resolve) => process.stdin.once("data", resolve));
    process.stdin.pause();
    say(await runtime.execute({ tool: "add_line", input: { file, idempotencyKey: "one" } }));
  } else {
    const key = mode === "plain" ? {} : { idempotencyKey: "file" };
    say(await runtime.execute({ tool: "make_file", input: { file, hangs: mode === "hang", ...key } }));
  }
  await runtime.close();
  await storage.close();
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
