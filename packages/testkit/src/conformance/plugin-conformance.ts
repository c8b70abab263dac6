/**
 * What a plugin promises, checked through the real server: nothing of the plugin is imported here, it is loaded as its
 * users will load it and called over MCP.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../run-cli.ts";
import { spawnServer } from "../spawn-server.ts";
import type { SpawnedServer } from "../spawn-server.ts";

/** How one tool is tried. */
export interface ToolSample {
  /** Arguments that the tool must answer with success. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Arguments that it must refuse. Default: a field that it does not have. */
  readonly invalid?: Readonly<Record<string, unknown>>;
  /** Arguments with which it works for more than a second: it is cancelled. */
  readonly slow?: Readonly<Record<string, unknown>>;
  /** Arguments with which it does not end by itself: it must be stopped at its deadline. */
  readonly endless?: Readonly<Record<string, unknown>>;
  /** Arguments with which it makes something and then fails: nothing of it may stay. */
  readonly failing?: Readonly<Record<string, unknown>>;
  /** What the tool changes, as it is now: the same before and after a dry run and an undo. */
  readonly world?: () => Promise<unknown>;
}

/** What the suite is told. */
export interface PluginConformanceOptions {
  /** The built command line, `container-kit/dist/cli.js`. */
  readonly cli: string;
  /** The folder of the plugin's package. */
  readonly plugin: string | (() => string);
  /** What the plugin is granted, as in `container-kit.yaml`: `read`, `network`, `environment`, `config`. */
  readonly grants?: Readonly<Record<string, unknown>>;
  /** One for each tool. */
  readonly samples: Readonly<Record<string, ToolSample>>;
}

interface Bench {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  server: SpawnedServer;
}

interface Outcome {
  readonly ok: boolean;
  readonly dryRun?: boolean;
  readonly error?: { readonly code: string };
}

/** Describes the tests that every plugin must pass. Call it in a test file of the plugin. */
export function describePluginConformance(name: string, options: PluginConformanceOptions): void {
  describe(`${name}, as a plugin`, () => {
    let bench: Bench;
    beforeAll(async () => {
      bench = await openBench(options);
    });
    afterAll(async () => {
      if (bench === undefined) return;
      await bench.server.kill();
      await rm(bench.folder, { recursive: true, force: true });
    });

    test("its package is loaded, and nothing in it has to be refused", async () => {
      const { code, stdout, stderr } = await runCli(options.cli, ["plugins", "check", folderOf(options), "--json"], {
        env: bench.environment,
      });
      expect({ code, stderr: code === 0 ? "" : stderr + stdout }).toEqual({ code: 0, stderr: "" });
    });
    test("each of its tools is listed, described and has a sample; the list is the same at each start", async () => {
      const { plugin } = await describeTools(options, bench);
      expect(Object.keys(options.samples).sort()).toEqual([...plugin.tools].sort());
      const listed = await listOf(bench.server, plugin.tools);
      for (const tool of listed) {
        expect(tool.title, `title of ${tool.name}`).toBeTruthy();
        expect(tool.description?.length ?? 0, `description of ${tool.name}`).toBeGreaterThan(20);
        expect(Object.values(tool.annotations ?? {}).filter((hint) => typeof hint === "boolean")).toHaveLength(4);
      }
      await bench.server.close();
      bench.server = await startServer(options, bench);
      expect(await listOf(bench.server, plugin.tools)).toEqual(listed);
    });
    for (const [tool, sample] of Object.entries(options.samples)) describeTool(tool, sample, () => bench);
    test("nothing but the protocol was on stdout, and the server ends when its client goes away", async () => {
      expect(bench.server.impurities()).toEqual([]);
      expect(await bench.server.close()).toEqual({ code: 0, signal: null });
    });
  });
}

function describeTool(tool: string, sample: ToolSample, bench: () => Bench): void {
  const run = (input: Readonly<Record<string, unknown>>): Promise<Outcome> => call(bench().server, tool, input);
  test(`${tool} answers valid arguments`, async () => {
    expect(await run(sample.input)).toMatchObject({ ok: true });
  });
  test(`${tool} refuses arguments that are not valid`, async () => {
    expect(await run(sample.invalid ?? { ...sample.input, noSuchField: true })).toMatchObject({
      ok: false,
      error: { code: "INVALID_INPUT" },
    });
  });
  const { slow, endless, failing, world } = sample;
  test.runIf(slow !== undefined)(`${tool} can be cancelled, and the server goes on`, async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    await expect(call(bench().server, tool, slow ?? {}, stop.signal)).rejects.toThrow();
    await bench().server.client.ping();
    expect(await run(sample.input)).toMatchObject({ ok: true });
  });
  test.runIf(endless !== undefined)(`${tool} is stopped at its deadline`, async () => {
    expect(await run(endless ?? {})).toMatchObject({ ok: false, error: { code: "TOOL_TIMEOUT" } });
  });
  test.runIf(world !== undefined)(`${tool} changes nothing in a dry run`, async () => {
    const before = await world?.();
    expect(await run({ ...sample.input, dryRun: true })).toMatchObject({ ok: true, dryRun: true });
    expect(await world?.()).toEqual(before);
  });
  test.runIf(failing !== undefined && world !== undefined)(`${tool} leaves nothing behind when it fails`, async () => {
    const before = await world?.();
    const { ok, error } = await run(failing ?? {});
    expect({ ok, refused: error?.code === "INVALID_INPUT" || error?.code === "TOOL_NOT_FOUND" }).toEqual({
      ok: false,
      refused: false,
    });
    expect(await world?.()).toEqual(before);
  });
}

function folderOf({ plugin }: PluginConformanceOptions): string {
  return typeof plugin === "string" ? plugin : plugin();
}

async function openBench(options: PluginConformanceOptions): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), "plugin-conformance-"));
  const config = join(folder, "container-kit.yaml");
  const environment = { CONTAINER_KIT_HOME: join(folder, "state"), CONTAINER_KIT_CONFIG: config };
  // JSON is YAML.
  await writeFile(config, JSON.stringify({ plugins: [{ package: folderOf(options), ...options.grants }] }));
  const half = { folder, environment };
  return { ...half, server: await startServer(options, half) };
}

function startServer(
  { cli }: PluginConformanceOptions,
  { folder, environment }: Omit<Bench, "server">,
): Promise<SpawnedServer> {
  return spawnServer({ cli, args: ["serve", "--root", folder], env: environment, cwd: folder });
}

async function describeTools(
  { cli }: PluginConformanceOptions,
  bench: Bench,
): Promise<{ plugin: { tools: string[] } }> {
  const { stdout } = await runCli(cli, ["plugins", "list", "--json"], { env: bench.environment, cwd: bench.folder });
  const { plugins } = JSON.parse(stdout) as { plugins: { tools: string[] }[] };
  const [plugin = { tools: [] }] = plugins;
  return { plugin };
}

async function listOf(
  { client }: SpawnedServer,
  names: readonly string[],
): Promise<Awaited<ReturnType<SpawnedServer["client"]["listTools"]>>["tools"]> {
  const { tools } = await client.listTools();
  const listed = tools.filter(({ name }) => names.includes(name));
  expect(listed.map(({ name }) => name).sort()).toEqual([...names].sort());
  return listed;
}

async function call(
  { client }: SpawnedServer,
  name: string,
  input: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Promise<Outcome> {
  const options = { timeout: 300_000, ...(signal === undefined ? {} : { signal }) };
  const { structuredContent } = await client.callTool({ name, arguments: { ...input } }, undefined, options);
  return structuredContent as Outcome;
}
