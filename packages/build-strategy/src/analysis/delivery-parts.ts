/** The pieces that the rules of delivery are made of. */
import type { BuildPlan, StartPlan } from "../types.ts";
import { blankComments } from "./code-text.ts";
import type { Manifest } from "./manifest.ts";
import { joinPath } from "./path.ts";
import type { StartFinding } from "./start-finding.ts";
import type { SourceTree } from "./source-tree.ts";

/** What of a build runs or is served, and where it lies. */
export interface Delivery {
  readonly start: StartPlan | null;
  readonly site: { readonly folder: string; readonly historyFallback: boolean } | null;
  readonly outputs: readonly string[];
  readonly standalone: "next" | "folder" | null;
  /** The port that the framework's own server opens when nothing says otherwise. */
  readonly defaultPort: number | null;
  /** The framework's server reads PORT. */
  readonly readsPort: boolean;
}

/** What a rule looks at. */
export interface DeliveryInput {
  readonly tree: SourceTree;
  readonly folder: string;
  readonly manifest: Manifest;
  readonly framework: string | null;
  readonly start: StartFinding;
  readonly build: Pick<BuildPlan, "script" | "argv"> | null;
}

/** Neither a program nor a site. */
export const nothing: Delivery = {
  start: null,
  site: null,
  outputs: [],
  standalone: null,
  defaultPort: null,
  readsPort: false,
};

/** Whether the author wrote a start command. A file that merely has a usual name proves nothing in a bundled project. */
export function hasProgram(input: DeliveryInput): boolean {
  return ownProgram(input) !== null;
}

/** The start command that the author wrote, or null. */
export function ownProgram({ start }: DeliveryInput): StartPlan | null {
  return start.kind === "program" && start.explicit ? start.plan : null;
}

/** A program whose server reads PORT. */
export function server(input: DeliveryInput, program: readonly string[] | StartPlan, source: string): Delivery {
  const start: StartPlan = isPlan(program)
    ? program
    : {
        argv: program,
        env: {},
        entrypoint: entryOf(program),
        source,
        shell: false,
        needsDevDependencies: isDevProgram(input.manifest, program),
      };
  return { ...nothing, start, readsPort: true };
}

/** The build writes the server below `.next/standalone`, and the image gets that folder's contents at its root. */
export function standaloneNext(input: DeliveryInput): Delivery {
  const delivery = server(input, ["node", "server.js"], "next.config, output standalone");
  return delivery.start === null
    ? delivery
    : { ...delivery, start: { ...delivery.start, entrypoint: ".next/standalone/server.js" } };
}

function isPlan(program: readonly string[] | StartPlan): program is StartPlan {
  return "argv" in program;
}

function entryOf(argv: readonly string[]): string | null {
  return argv[0] === "node" && argv[1] !== undefined ? joinPath(argv[1]) : null;
}

function isDevProgram(manifest: Manifest, argv: readonly string[]): boolean {
  return Object.hasOwn(manifest.devDependencies, argv[0] ?? "");
}

/** A folder of files for a web server. */
export function site(folder: string, historyFallback: boolean): Delivery {
  return { ...nothing, site: { folder, historyFallback }, outputs: [folder] };
}

/** The same, unless the author wrote a start command or there is nothing to build. */
export async function siteUnlessProgram(
  input: DeliveryInput,
  folder: string,
  historyFallback: boolean,
): Promise<Delivery | null> {
  if (hasProgram(input) || input.build === null) return null;
  return site(input.start.kind === "site" ? input.start.folder : folder, historyFallback);
}

/** Nitro writes a folder that holds its own node_modules: nothing else is needed. */
export function nitroServer(input: DeliveryInput): Delivery {
  const program = ["node", ".output/server/index.mjs"];
  const own = ownProgram(input);
  const isOther = own !== null && own.entrypoint !== null && !own.entrypoint.startsWith(".output/");
  if (isOther) return { ...server(input, own, ""), outputs: [".output", "dist"], defaultPort: 3000 };
  return {
    ...server(input, program, "the default of nitro"),
    outputs: [".output"],
    standalone: "folder",
    defaultPort: 3000,
  };
}

/** Where vite writes. */
export async function viteOutput(input: DeliveryInput): Promise<string> {
  const config = await readConfig(input, "vite.config");
  const said = /\boutDir\s*:\s*["'`]([\w./-]{1,100})["'`]/.exec(config)?.[1];
  const clean = said === undefined ? "dist" : joinPath(said);
  return clean === "." || clean.startsWith("..") ? "dist" : clean;
}

/** The text of a framework's configuration without its comments; empty when there is none. */
export async function readConfig({ tree, folder }: DeliveryInput, name: string): Promise<string> {
  for (const extension of ["ts", "mts", "js", "mjs", "cjs"]) {
    const file = joinPath(folder, `${name}.${extension}`);
    const text = tree.hasFile(file) ? await tree.read(file) : null;
    if (text !== null) return blankComments(text);
  }
  return "";
}
