/**
 * The ports of a module, from the strongest witness alone: what the start command sets, else the code that listens,
 * else an existing Dockerfile, else the framework's default, else compose and .env files. A Dockerfile that
 * contradicts a stronger witness is reported, never believed.
 */
import { parse as parseYaml } from "yaml";
import type { AnalysisWarning, ModulePort, StartPlan } from "../types.ts";
import { blankComments } from "./code-text.ts";
import { findListening, readBindings, readsPortVariable } from "./code-ports.ts";
import type { Listening } from "./code-ports.ts";
import { findHealthRoutes, healthRouteOfFile, preferredHealthRoute } from "./health-route.ts";
import { joinPath, relativeTo } from "./path.ts";
import { strongerPort } from "./port-expression.ts";
import type { PortValue } from "./port-expression.ts";
import { likelySources } from "./sources.ts";
import type { SourceTree } from "./source-tree.ts";

/** What the code of a module says about its network side. */
export interface CodeReading {
  readonly listening: readonly (Listening & { readonly file: string })[];
  readonly readsPort: boolean;
  readonly healthPath: string | null;
  /** Whether any of the files that were read names SIGTERM or a helper for it; null when none was read. */
  readonly handlesTermination: boolean | null;
}

const termination = /SIGTERM|enableShutdownHooks|close-with-grace|graceful-shutdown|@godaddy\/terminus|stoppable/;

/** How many source files are read for one module; the likely ones come first. */
const FILES_READ = 150;
/** Of a larger file only the beginning is read: nobody writes such a file by hand. */
const LARGEST_SOURCE = 256 * 1024;
/** After this many characters of one module the rest is not read. */
const MOST_CODE = 4 * 1024 * 1024;
const AT_ONCE = 25;

/** Reads the sources that are likely to open a port. */
export async function readCode(
  tree: SourceTree,
  folder: string,
  sources: readonly string[],
  entrypoint: string | null,
): Promise<CodeReading> {
  const entry = entrypoint === null ? null : joinPath(folder, entrypoint);
  const chosen = likelySources(sources, entry, FILES_READ);
  if (entry !== null && !chosen.includes(entry) && /\.[cm]?js$/.test(entry)) chosen.unshift(entry);
  const codes = await readSources(tree, chosen);
  const shared = new Map<string, PortValue>();
  for (const { code } of codes) {
    for (const [name, value] of readBindings(code)) shared.set(name, strongerPort(shared.get(name), value));
  }
  const listening = codes.flatMap(({ file, code }) => findListening(code, shared).map((found) => ({ ...found, file })));
  const health = new Set<string>();
  for (const { file, code } of codes) {
    const listens = listening.some((found) => found.file === file);
    for (const route of findHealthRoutes(code, listens)) health.add(route);
  }
  for (const file of sources) {
    const route = healthRouteOfFile(relativeTo(folder, file));
    if (route !== null) health.add(route);
  }
  const readsPort =
    listening.some((found) => found.fromEnvironment) || codes.some(({ code }) => readsPortVariable(code));
  const handlesTermination = codes.length === 0 ? null : codes.some(({ code }) => termination.test(code));
  return { listening, readsPort, healthPath: preferredHealthRoute(health), handlesTermination };
}

async function readSources(tree: SourceTree, files: readonly string[]): Promise<{ file: string; code: string }[]> {
  const codes: { file: string; code: string }[] = [];
  let left = MOST_CODE;
  for (let from = 0; from < files.length && left > 0; from += AT_ONCE) {
    const batch = files.slice(from, from + AT_ONCE);
    const texts = await Promise.all(batch.map((file) => tree.readHead(file, LARGEST_SOURCE)));
    for (const [index, text] of texts.entries()) {
      const file = batch[index];
      if (text === null || file === undefined) continue;
      codes.push({ file, code: blankComments(text) });
      left -= text.length;
    }
  }
  return codes;
}

export interface PortInput {
  readonly tree: SourceTree;
  readonly folder: string;
  readonly code: CodeReading;
  readonly start: StartPlan | null;
  readonly defaultPort: number | null;
  readonly framework: string | null;
  readonly dockerfile: string | null;
  readonly composeFiles: readonly string[];
  readonly warnings: AnalysisWarning[];
}

/** Chooses the ports and reports what contradicts them. */
export async function findPorts(input: PortInput): Promise<ModulePort[]> {
  const { code, framework, defaultPort, warnings } = input;
  const exposed = await exposedPorts(input);
  const witnesses: ModulePort[][] = [
    fromCommand(input),
    code.listening.flatMap(({ port, file, line }) => (port === null ? [] : [{ port, source: `${file}:${line}` }])),
    exposed,
    defaultPort === null ? [] : [{ port: defaultPort, source: `the default of ${String(framework)}` }],
    await composePorts(input),
    await environmentPorts(input),
  ];
  const chosen = distinct(witnesses.find((ports) => ports.length > 0) ?? []);
  warnOfHosts(input);
  const contradiction = exposed.find((other) => chosen.length > 0 && !chosen.some(({ port }) => port === other.port));
  if (contradiction !== undefined) {
    const message = `${contradiction.source} exposes ${contradiction.port}, and the program listens on ${chosen.map(({ port }) => port).join(", ")} (${chosen[0]?.source ?? ""}).`;
    warnings.push({ code: "PORT_DISAGREES", message, file: contradiction.source.split(":")[0] ?? "" });
  }
  for (const { port, source } of chosen) {
    if (port >= 1024) continue;
    const message = `Port ${port} (${source}) needs a privilege outside containers, and some clusters ask for it inside too; 1024 and above never does.`;
    warnings.push({ code: "PORT_PRIVILEGED", message });
  }
  return chosen;
}

function distinct(ports: readonly ModulePort[]): ModulePort[] {
  return ports.filter(({ port }, index) => ports.findIndex((other) => other.port === port) === index);
}

/** `PORT=4000 node server.js`, `next start -p 4000` */
function fromCommand({ start, code }: PortInput): ModulePort[] {
  if (start === null) return [];
  const assigned = portOf(start.env["PORT"]);
  const readsIt = code.readsPort || code.listening.length === 0;
  if (assigned !== null && readsIt) return [{ port: assigned, source: start.source }];
  const port = portFlag(start);
  return port === null ? [] : [{ port, source: start.source }];
}

function portFlag(start: StartPlan): number | null {
  const flag = start.argv.findIndex((arg) => arg === "-p" || arg === "--port");
  return portOf(
    flag === -1 ? start.argv.find((arg) => arg.startsWith("--port="))?.slice("--port=".length) : start.argv[flag + 1],
  );
}

/** Whether the start command fixes the port, whatever PORT says. */
export function hasPortFlag(start: StartPlan | null): boolean {
  return start !== null && portFlag(start) !== null;
}

function portOf(text: string | undefined): number | null {
  const value = text !== undefined && /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  return value > 0 && value < 65_536 ? value : null;
}

async function exposedPorts({ tree, dockerfile }: PortInput): Promise<ModulePort[]> {
  const text = dockerfile === null ? null : await tree.read(dockerfile);
  const ports: ModulePort[] = [];
  for (const [index, line] of (text ?? "").split(/\r?\n/).entries()) {
    if (!/^\s*EXPOSE\s/i.test(line)) continue;
    for (const word of line.trim().split(/\s+/).slice(1)) {
      const port = portOf(word.replace(/\/(tcp|udp)$/i, ""));
      if (port !== null) ports.push({ port, source: `${String(dockerfile)}:${index + 1}` });
    }
  }
  return ports;
}

/** The container side of `ports` of the only service that is built here. */
async function composePorts({ tree, folder, composeFiles }: PortInput): Promise<ModulePort[]> {
  for (const file of composeFiles) {
    const text = await tree.read(file);
    const services = text === null ? [] : builtServices(text);
    const own = services.filter(({ context }) => joinPath(file, "..", context) === folder);
    const ports = own.flatMap((service) => service.ports.map((port) => ({ port, source: file })));
    if (own.length === 1 && ports.length > 0) return ports;
  }
  return [];
}

function builtServices(text: string): { context: string; ports: number[] }[] {
  let document: unknown;
  try {
    document = parseYaml(text, { maxAliasCount: 100 });
  } catch {
    return [];
  }
  const services = isObject(document) && isObject(document["services"]) ? Object.values(document["services"]) : [];
  return services.flatMap((service) => {
    if (!isObject(service) || service["build"] === undefined) return [];
    const build = service["build"];
    const context =
      typeof build === "string"
        ? build
        : isObject(build) && typeof build["context"] === "string"
          ? build["context"]
          : ".";
    const list = Array.isArray(service["ports"]) ? service["ports"] : [];
    return [{ context, ports: list.map(containerPort).filter((port) => port !== null) }];
  });
}

function containerPort(entry: unknown): number | null {
  if (isObject(entry)) return portOf(String(entry["target"]));
  return portOf(
    String(entry)
      .replace(/\/(tcp|udp)$/, "")
      .split(":")
      .at(-1),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A .env file says what PORT is on somebody's machine: believed only when the code reads PORT and has no default. */
async function environmentPorts({ tree, folder, code }: PortInput): Promise<ModulePort[]> {
  if (!code.readsPort) return [];
  for (const name of [".env", ".env.production", ".env.example", ".env.sample", ".env.template", ".env.local"]) {
    const file = joinPath(folder, name);
    const text = tree.hasFile(file) ? await tree.read(file) : null;
    for (const [index, line] of (text ?? "").split(/\r?\n/).entries()) {
      const port = portOf(/^\s*(?:export\s+)?PORT\s*=\s*["']?(\d{1,5})["']?\s*(?:#.*)?$/.exec(line)?.[1]);
      if (port !== null) return [{ port, source: `${file}:${index + 1}` }];
    }
  }
  return [];
}

/** A server that binds loopback cannot be reached from outside its container. */
function warnOfHosts({ code, framework, warnings }: PortInput): void {
  const loopback = new Set(["localhost", "127.0.0.1", "::1"]);
  for (const { file, line, host } of code.listening) {
    const byDefault = host === null && framework === "fastify";
    if (!byDefault && (host === null || !loopback.has(host))) continue;
    const why = byDefault ? "names no host, and fastify then binds localhost" : `binds ${String(host)}`;
    const message = `${file}:${line} ${why}: nothing outside the container can reach it; bind 0.0.0.0.`;
    warnings.push({ code: "LISTENS_ON_LOOPBACK", message, file });
  }
}
