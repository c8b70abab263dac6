import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LogFields, Logger } from "@container-kit/observability";
import { isKitError } from "@container-kit/errors";
import { expect, onTestFinished } from "vitest";
import { fail } from "../src/errors.ts";
import { loadPlugins } from "../src/index.ts";
import type { LoadedPlugins, LoadPluginsOptions, PluginEntry, ToolContext, ToolDefinition } from "../src/index.ts";

const zodFolder = fileURLToPath(new URL("../node_modules/zod", import.meta.url));

interface LogLine extends LogFields {
  readonly level: string;
  readonly message: string;
}

/** A folder in which plugins are written and loaded, and which goes with the test. */
export interface PluginRig {
  readonly folder: string;
  readonly log: LogLine[];
  /** Writes a package with `zod` installed. Returns its path. */
  write(name: string, source: string, files?: Readonly<Record<string, string>>): Promise<string>;
  load(entries: readonly PluginEntry[], options?: Partial<LoadPluginsOptions>): Promise<LoadedPlugins>;
  /** Loads one plugin that must load, and gives its tools by name. */
  tools(entry: PluginEntry, options?: Partial<LoadPluginsOptions>): Promise<(name: string) => ToolDefinition>;
}

/** Makes the rig. */
export async function pluginRig(): Promise<PluginRig> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "plugins-")));
  const log: LogLine[] = [];
  const opened: LoadedPlugins[] = [];
  onTestFinished(async () => {
    await Promise.all(opened.map((plugins) => plugins.close()));
    await rm(folder, { recursive: true, force: true });
  });
  const load: PluginRig["load"] = async (entries, options = {}) => {
    const lockFile = join(folder, "state", "plugins.lock.json");
    const plugins = await loadPlugins({ entries, folder, lockFile, logger: logInto(log), ...options });
    opened.push(plugins);
    return plugins;
  };
  return {
    folder,
    log,
    load,
    async write(name, source, files = {}) {
      const path = join(folder, name);
      const manifest = { name, version: "1.0.0", type: "module", main: "index.js", dependencies: { zod: "*" } };
      const all = { "package.json": JSON.stringify(manifest), "index.js": source, ...files };
      for (const [file, content] of Object.entries(all)) {
        await mkdir(dirname(join(path, file)), { recursive: true });
        await writeFile(join(path, file), content);
      }
      await mkdir(join(path, "node_modules"), { recursive: true });
      await symlink(await realpath(zodFolder), join(path, "node_modules", "zod")).catch(() => undefined);
      return path;
    },
    async tools(entry, options) {
      const { plugins, reports } = await load([entry], options);
      const [plugin] = plugins;
      if (plugin === undefined) throw new Error(`not loaded: ${reports[0]?.problem?.message ?? ""}`);
      return (name) => {
        const tool = plugin.tools.find((one) => one.name === name);
        if (tool === undefined) throw new Error(`no tool ${name}`);
        return tool;
      };
    },
  };
}

/** A plugin's source: tools by name, each the body of its `run(input, context)`. */
export function source(tools: Readonly<Record<string, string>>, before = "", changes = ""): string {
  const list = Object.entries(tools).map(
    ([name, body]) => `{
      name: ${JSON.stringify(name)}, title: "A tool", description: "For a test.", toolset: "server",
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      input: z.object({ text: z.string().default("") }), output: z.object({ text: z.string() }),
      ${changes}
      async run(input, context) { ${body} },
    }`,
  );
  return `import { z } from "zod";\n${before}\nexport const plugin = { name: "fixture", version: "1.0.0", apiVersion: 1, tools: [${list.join(",")}] };\n`;
}

/** What a tool is handed, for calls past the runtime. */
export function contextOf(
  signal: AbortSignal = AbortSignal.timeout(20_000),
  changes: Partial<ToolContext> = {},
): ToolContext {
  const log: LogLine[] = [];
  return {
    sessionId: "s",
    executionId: "e",
    correlationId: "c",
    jobId: null,
    dryRun: false,
    attempt: 1,
    signal,
    logger: logInto(log),
    report: () => undefined,
    jobFolder: () => Promise.reject(new TypeError("no job")),
    willMake: () => Promise.resolve(),
    allow: () => undefined,
    entry: () => undefined,
    request: () => Promise.reject(new TypeError("no other tools")),
    ...changes,
  };
}

/** What came of a call, as one line: its code and message, or its result. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    return `ok: ${JSON.stringify(await call)}`;
  } catch (error) {
    return isKitError(error) ? `${error.code}: ${error.message}` : `bare: ${String(error)}`;
  }
}

/** Runs a bad call while good ones go on; none of those may be disturbed. */
export async function meanwhile(bad: Promise<unknown>, echo: ToolDefinition): Promise<string> {
  const results = await Promise.all([codeOf(bad), ...["a", "b", "c"].map((text) => echo.run({ text }, contextOf()))]);
  expect(results.slice(1)).toEqual([{ text: "a" }, { text: "b" }, { text: "c" }]);
  expect(await echo.run({ text: "after" }, contextOf())).toEqual({ text: "after" });
  return results[0];
}

/** A signal that aborts as the runtime would, after so long. */
export function stoppable(code: "TOOL_TIMEOUT" | "CANCELLED", afterMs: number): AbortSignal {
  const stop = new AbortController();
  setTimeout(() => stop.abort(fail(code, `told to stop: ${code}`)), afterMs);
  return stop.signal;
}

function logInto(log: LogLine[], more: LogFields = {}): Logger {
  const write = (level: string) => (message: string, fields?: LogFields) =>
    void log.push({ level, message, ...more, ...fields });
  return {
    error: write("error"),
    warn: write("warn"),
    info: write("info"),
    debug: write("debug"),
    child: (fields) => logInto(log, { ...more, ...fields }),
  };
}
