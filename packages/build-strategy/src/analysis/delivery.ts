/**
 * What of a framework's build runs, and where it lies: a program, or files that a web server hands out.
 * Each rule reads the framework's own configuration; where that leaves it open, nothing is claimed.
 */
import type { BuildPlan, StartPlan } from "../types.ts";
import { angularOutput, compilerOutput } from "./build.ts";
import { blankComments } from "./code-text.ts";
import { dependsOn } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";
import { joinPath } from "./path.ts";
import type { StartFinding } from "./start.ts";
import type { SourceTree } from "./source-tree.ts";

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

export interface DeliveryInput {
  readonly tree: SourceTree;
  readonly folder: string;
  readonly manifest: Manifest;
  readonly framework: string | null;
  readonly start: StartFinding;
  readonly build: Pick<BuildPlan, "script" | "argv"> | null;
}

const nothing: Delivery = {
  start: null,
  site: null,
  outputs: [],
  standalone: null,
  defaultPort: null,
  readsPort: false,
};

/** Applies the framework's rule, then the general one. */
export async function describeDelivery(input: DeliveryInput): Promise<Delivery> {
  const rule = input.framework === null ? undefined : frameworkRules[input.framework];
  return (await rule?.(input)) ?? (await generalRule(input));
}

type Rule = (input: DeliveryInput) => Promise<Delivery | null>;

const frameworkRules: Readonly<Record<string, Rule>> = {
  next: async (input) => {
    const config = await readConfig(input, "next.config");
    if (/\boutput\s*:\s*["'`]export["'`]/.test(config)) return site("out", false);
    const standalone = /\boutput\s*:\s*["'`]standalone["'`]/.test(config);
    if (standalone) return { ...standaloneNext(input), outputs: [".next"], standalone: "next", defaultPort: 3000 };
    return {
      ...server(input, ownProgram(input) ?? ["next", "start"], "the default of next"),
      outputs: [".next"],
      defaultPort: 3000,
    };
  },
  nuxt: async (input) => {
    const generates = /\bnuxi?\s+generate\b/.test(input.manifest.scripts["build"] ?? "");
    if (generates) return site(".output/public", true);
    return nitroServer(input);
  },
  nitro: async (input) => nitroServer(input),
  "tanstack-start": async (input) => (hasProgram(input) ? nitroServer(input) : null),
  "solid-start": async (input) => nitroServer(input),
  remix: async (input) => {
    const builtByVite = dependsOn(input.manifest, "vite");
    const program = ["remix-serve", builtByVite ? "./build/server/index.js" : "./build/index.js"];
    if (!hasProgram(input) && !dependsOn(input.manifest, "@remix-run/serve")) return null;
    return {
      ...server(input, ownProgram(input) ?? program, "the default of remix"),
      outputs: builtByVite ? ["build"] : ["build", "public"],
      defaultPort: 3000,
    };
  },
  "react-router": async (input) => {
    const config = await readConfig(input, "react-router.config");
    if (/\bssr\s*:\s*false\b/.test(config)) return site("build/client", true);
    if (!hasProgram(input) && !dependsOn(input.manifest, "@react-router/serve")) return null;
    const program = ["react-router-serve", "./build/server/index.js"];
    return {
      ...server(input, ownProgram(input) ?? program, "the default of react-router"),
      outputs: ["build"],
      defaultPort: 3000,
    };
  },
  sveltekit: async (input) => {
    const config = await readConfig(input, "svelte.config");
    if (config.includes("@sveltejs/adapter-static")) return site("build", true);
    if (!config.includes("@sveltejs/adapter-node") && !hasProgram(input)) return null;
    return {
      ...server(input, ownProgram(input) ?? ["node", "build"], "the default of @sveltejs/adapter-node"),
      outputs: ["build"],
      defaultPort: 3000,
    };
  },
  astro: async (input) => {
    const config = await readConfig(input, "astro.config");
    if (!/@astrojs\/(node|vercel|netlify|cloudflare)/.test(config) && !hasProgram(input)) return site("dist", false);
    if (!config.includes("@astrojs/node") && !hasProgram(input)) return null;
    const program = ["node", "./dist/server/entry.mjs"];
    return {
      ...server(input, ownProgram(input) ?? program, "the default of @astrojs/node"),
      outputs: ["dist"],
      defaultPort: 4321,
    };
  },
  angular: async (input) => {
    const output = await angularOutput(input.tree, input.folder);
    if (hasProgram(input) || output === null) return null;
    if (!dependsOn(input.manifest, "@angular/ssr")) return site(output.browser, true);
    const program = ["node", joinPath(output.root, "server/server.mjs")];
    return { ...server(input, program, "the default of @angular/ssr"), outputs: [output.root], defaultPort: 4000 };
  },
  nest: async (input) => {
    const output = (await compilerOutput(input.tree, input.folder)) ?? "dist";
    return {
      ...server(input, ownProgram(input) ?? ["node", `${output}/main.js`], "the default of nest"),
      outputs: [output],
      defaultPort: null,
    };
  },
  strapi: async (input) => ({
    ...server(input, ownProgram(input) ?? ["strapi", "start"], "the default of strapi"),
    outputs: [],
    defaultPort: 1337,
  }),
  "create-react-app": (input) => siteUnlessProgram(input, "build", true),
  vue: (input) => siteUnlessProgram(input, "dist", true),
  gatsby: (input) => siteUnlessProgram(input, "public", false),
  docusaurus: (input) => siteUnlessProgram(input, "build", false),
  eleventy: (input) => siteUnlessProgram(input, "_site", false),
  vite: async (input) => siteUnlessProgram(input, await viteOutput(input), true),
  expo: async (input) => {
    if (hasProgram(input) || !dependsOn(input.manifest, "react-native-web")) return null;
    return site("dist", true);
  },
};

/** Whether the author wrote a start command. A file that merely has a usual name proves nothing in a bundled project. */
function hasProgram(input: DeliveryInput): boolean {
  return ownProgram(input) !== null;
}

function ownProgram({ start }: DeliveryInput): StartPlan | null {
  return start.kind === "program" && start.explicit ? start.plan : null;
}

function server(input: DeliveryInput, program: readonly string[] | StartPlan, source: string): Delivery {
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
function standaloneNext(input: DeliveryInput): Delivery {
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

function site(folder: string, historyFallback: boolean): Delivery {
  return { ...nothing, site: { folder, historyFallback }, outputs: [folder] };
}

async function siteUnlessProgram(
  input: DeliveryInput,
  folder: string,
  historyFallback: boolean,
): Promise<Delivery | null> {
  if (hasProgram(input) || input.build === null) return null;
  return site(input.start.kind === "site" ? input.start.folder : folder, historyFallback);
}

/** Nitro writes a folder that holds its own node_modules: nothing else is needed. */
function nitroServer(input: DeliveryInput): Delivery {
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

async function viteOutput(input: DeliveryInput): Promise<string> {
  const config = await readConfig(input, "vite.config");
  const said = /\boutDir\s*:\s*["'`]([\w./-]{1,100})["'`]/.exec(config)?.[1];
  const clean = said === undefined ? "dist" : joinPath(said);
  return clean === "." || clean.startsWith("..") ? "dist" : clean;
}

async function readConfig({ tree, folder }: DeliveryInput, name: string): Promise<string> {
  for (const extension of ["ts", "mts", "js", "mjs", "cjs"]) {
    const file = joinPath(folder, `${name}.${extension}`);
    const text = tree.hasFile(file) ? await tree.read(file) : null;
    if (text !== null) return blankComments(text);
  }
  return "";
}

/** No framework decides: a program with whatever its build writes, or the folder that a script hands out. */
async function generalRule(input: DeliveryInput): Promise<Delivery> {
  const { tree, folder, manifest, start, build } = input;
  if (start.kind === "site") return site(start.folder, start.history);
  const bundler = ["parcel", "webpack", "@rspack/core", "esbuild", "rollup"].some((name) => dependsOn(manifest, name));
  if (build !== null && bundler && !hasProgram(input) && hasPage(tree, folder)) return site("dist", true);
  if (start.kind === "program")
    return { ...nothing, start: start.plan, outputs: await programOutputs(input, start.plan) };
  if (build === null && tree.hasFile(joinPath(folder, "public/index.html")))
    return { ...site("public", false), outputs: [] };
  return nothing;
}

function hasPage(tree: SourceTree, folder: string): boolean {
  return ["index.html", "public/index.html", "src/index.html"].some((file) => tree.hasFile(joinPath(folder, file)));
}

async function programOutputs(input: DeliveryInput, plan: StartPlan): Promise<string[]> {
  if (input.build === null) return [];
  const outputs = new Set<string>();
  const compiled = await compilerOutput(input.tree, input.folder);
  if (compiled !== null) outputs.add(compiled);
  const top = plan.entrypoint?.includes("/") === true ? plan.entrypoint.split("/")[0] : undefined;
  const inside = joinPath(input.folder, top ?? ".");
  const isSource = input.tree.filesIn(inside).length + input.tree.foldersIn(inside).length > 0;
  if (top !== undefined && !isSource && ![...outputs].some((output) => output === top || output.startsWith(`${top}/`)))
    outputs.add(top);
  if (dependsOn(input.manifest, "vite")) outputs.add(await viteOutput(input));
  return [...outputs];
}
