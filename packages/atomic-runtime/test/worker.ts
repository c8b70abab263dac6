/**
 * A program of its own with a runtime on a store, for tests that kill it: `worker MODE URL FILE [POINT]`. It says each
 * thing that happened as one line of JSON.
 */
import { appendFile, rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createContextStore } from "@container-kit/context-sharing";
import type { ContextStore } from "@container-kit/context-sharing";
import { createSessionStore } from "@container-kit/session";
import type { SessionStore } from "@container-kit/session";
import { openStorage } from "@container-kit/storage";
import { z } from "zod";
import { createRuntime, definePlugin, defineTool } from "../src/index.ts";
import type { Runtime } from "../src/index.ts";

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const annotations = { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false };

/** Makes a file, and then works on until it is killed; can be undone, and is told to later tools. */
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
  produces: [{ type: "file", from: (_result, { file }) => [{ key: String(file), value: { file } }] }],
});

/** Takes the last file. */
const readFileName = defineTool({
  name: "read_file_name",
  title: "Read a file's name",
  description: "Reads the name of the last file.",
  toolset: "server",
  annotations,
  input: z.object({ file: z.string() }),
  output: z.object({ file: z.string() }),
  consumes: [{ type: "file", fills: { file: "file" } }],
  run: ({ file }) => Promise.resolve({ file }),
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

function die(): never {
  process.kill(process.pid, "SIGKILL");
  for (;;);
}

/** Kills this process as it is about to ask the store for that, or, for a note, when the note is kept. */
function dieAt(point: string, sessions: SessionStore): SessionStore {
  if (point === "note") return { ...sessions, noteUndo: (...note) => sessions.noteUndo(...note).then(die) };
  return { ...sessions, [point]: die };
}

/** The same for entries: as one is about to be shared, or when it is. */
function dieAtEntry(point: string, context: ContextStore): ContextStore {
  if (point !== "share" && point !== "shared") return context;
  const share: ContextStore["share"] = (entry) => (point === "share" ? die() : context.share(entry).then(die));
  return new Proxy(context, {
    get(target, name) {
      const member: unknown = name === "share" ? share : Reflect.get(target, name);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}

/** What a session that died holds, and what a later tool of it takes. */
async function look(sessions: SessionStore, runtime: Runtime): Promise<void> {
  const [session] = await sessions.listSessions();
  const { id: sessionId = "" } = session ?? {};
  const { executions, jobs } = await sessions.getSession(sessionId);
  const taken = await runtime.execute({ tool: "read_file_name", input: { sessionId } });
  say({
    ended: executions.map(({ status }) => status),
    jobs: jobs.map(({ status }) => status),
    taken: taken.ok ? taken.result["file"] : taken.error.code,
  });
}

async function main(): Promise<void> {
  const [mode = "", url = "", file = "", point = ""] = process.argv.slice(2);
  const storage = await openStorage(url);
  const store = createSessionStore(storage);
  const sessions = ["", "share", "shared"].includes(point) ? store : dieAt(point, store);
  const type = { name: "file", schema: z.object({ file: z.string() }) };
  const context = dieAtEntry(point, createContextStore(storage));
  const tools = [makeFile, readFileName, addLine];
  const plugin = definePlugin({ name: "test", version: "1.0.0", apiVersion: 1, tools, contextTypes: [type] });
  const runtime = createRuntime({ plugins: [plugin], sessions, context });
  if (mode === "recover" || mode === "look") say(await runtime.recover());
  if (mode === "look") await look(sessions, runtime);
  if (mode === "append") {
    say({ ready: true });
    await new Promise((resolve) => process.stdin.once("data", resolve));
    process.stdin.pause();
    say(await runtime.execute({ tool: "add_line", input: { file, idempotencyKey: "one" } }));
  }
  if (mode === "leave") {
    // As a job, so that it can be seen how that ends.
    await runtime.execute({ tool: "make_file", input: { file, wait: false } });
    await runtime.jobsDone();
  }
  if (["plain", "keyed", "hang"].includes(mode)) {
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
