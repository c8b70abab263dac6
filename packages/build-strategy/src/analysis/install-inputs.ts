import { joinPath, nameOf } from "./path.ts";
import type { NodePackageManager } from "../types.ts";
import type { Manifest } from "./manifest.ts";
import type { SourceTree } from "./source-tree.ts";

/** What an install at a folder reads and runs, apart from the registry. */
export interface InstallFacts {
  /** Files and folders, relative to the install root; the manifest and the lockfile first. */
  readonly inputs: readonly string[];
  readonly scripts: "none" | "harmless" | "need-source";
  readonly npmrc: "none" | "plain" | "credentials";
  readonly yarnPath: string | null;
  /** Whether .yarnrc.yml holds a token itself rather than naming a variable. */
  readonly yarnToken: boolean;
  /** Whether yarn can install the production dependencies alone. */
  readonly yarnCanFocus: boolean;
}

export interface InstallInput {
  readonly tree: SourceTree;
  readonly folder: string;
  readonly manifest: Manifest;
  readonly manager: NodePackageManager;
  readonly managerVersion: string | null;
  readonly lockfile: string | null;
  /** Workspace members, relative to `folder`. */
  readonly members: readonly string[];
}

/** Reads what an install needs beside the manifest. */
export async function describeInstall(input: InstallInput): Promise<InstallFacts> {
  const { tree, folder, manifest, manager, lockfile, members } = input;
  const here = (path: string): string => joinPath(folder, path);
  const npmrc = await readNpmrc(tree, here(".npmrc"));
  const yarnrc = manager === "yarn" ? await tree.read(here(".yarnrc.yml")) : null;
  const yarnPath = /^yarnPath:\s*["']?(\.yarn\/releases\/[\w.-]{1,80}\.c?js)["']?\s*$/m.exec(yarnrc ?? "")?.[1] ?? null;
  const yarnToken = /^\s*npmAuth(?:Token|Ident):\s*["']?[^"'$\s]/m.test(yarnrc ?? "");
  const inputs = [nameOf(manifest.file)];
  if (lockfile !== null) inputs.push(nameOf(lockfile));
  const settings: Readonly<Record<NodePackageManager, readonly string[]>> = {
    npm: [],
    pnpm: ["pnpm-workspace.yaml", ".pnpmfile.cjs"],
    yarn: [".yarnrc.yml", ".yarnrc"],
    bun: ["bunfig.toml"],
  };
  for (const file of settings[manager]) if (tree.hasFile(here(file))) inputs.push(file);
  if (npmrc === "plain") inputs.push(".npmrc");
  for (const below of ["releases", "plugins", "patches"]) {
    if (manager === "yarn" && (await tree.exists(here(`.yarn/${below}`)))) inputs.push(`.yarn/${below}`);
  }
  for (const below of scriptFolders(tree, folder, manifest)) inputs.push(below);
  for (const member of members) inputs.push(joinPath(member, "package.json"));
  const existing = inputs.filter(
    (path) => path.startsWith(".yarn/") || tree.hasFile(here(path)) || tree.hasFolder(here(path)),
  );
  const focus = await canFocus(input, here(".yarn/plugins/@yarnpkg/plugin-workspace-tools.cjs"));
  return { inputs: existing, scripts: classifyScripts(manifest), npmrc, yarnPath, yarnToken, yarnCanFocus: focus };
}

async function canFocus({ tree, manager, managerVersion }: InstallInput, plugin: string): Promise<boolean> {
  if (manager !== "yarn") return false;
  return Number.parseInt(managerVersion ?? "0", 10) >= 4 || (await tree.exists(plugin));
}

async function readNpmrc(tree: SourceTree, file: string): Promise<InstallFacts["npmrc"]> {
  const text = tree.hasFile(file) ? await tree.read(file) : null;
  if (text === null) return "none";
  const secret = /^[^#;=]{0,300}(?:_authToken|_auth|_password|certfile|keyfile|\bkey|\bcert)\s*=/m;
  return secret.test(text) ? "credentials" : "plain";
}

const lifecycle = ["preinstall", "install", "postinstall", "prepare", "prepublish", "preprepare", "postprepare"];

/** Git hooks, type stubs and checks of the package manager do nothing that an image needs. */
const harmless =
  /^(?:npx\s+(?:-y\s+|--yes\s+)?)?(?:husky(?:\s+install)?|lefthook\s+install|simple-git-hooks|only-allow\s+\w+|is-ci|patch-package|prisma\s+generate|nuxi?\s+prepare|nuxt\s+prepare|svelte-kit\s+sync|astro\s+sync|true|exit\s+0|echo\b[^|&;<>]{0,200})$/;

function classifyScripts(manifest: Manifest): InstallFacts["scripts"] {
  const lines = lifecycle.flatMap((name) => (manifest.scripts[name] === undefined ? [] : [manifest.scripts[name]]));
  if (lines.length === 0) return "none";
  const steps = lines.flatMap((line) => line.split(/&&|\|\||;/)).map((step) => step.trim());
  return steps.every((step) => step === "" || harmless.test(step)) ? "harmless" : "need-source";
}

/** Folders that install scripts and patches read. */
function scriptFolders(tree: SourceTree, folder: string, manifest: Manifest): string[] {
  const lines = lifecycle.map((name) => manifest.scripts[name] ?? "").join("\n");
  const folders: string[] = [];
  const patches = lines.includes("patch-package") || Object.hasOwn(manifest.pnpmSettings, "patchedDependencies");
  if (
    (patches || tree.filesIn(joinPath(folder, "patches")).some((file) => file.endsWith(".patch"))) &&
    tree.hasFolder(joinPath(folder, "patches"))
  )
    folders.push("patches");
  if (lines.includes("prisma") && tree.hasFolder(joinPath(folder, "prisma"))) folders.push("prisma");
  return folders;
}
