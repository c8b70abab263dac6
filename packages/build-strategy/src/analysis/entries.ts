import { nameOf, relativeTo } from "./path.ts";
import type { SourceTree } from "./source-tree.ts";

/** Folders that a built program does not read. */
const developmentFolders =
  /^(src|tests?|__\w+__|spec|e2e|cypress|playwright|docs?|examples?|coverage|bench(marks?)?|stories|types|typings|tools|node_modules|\..*)$/;
/** Files that configure tools, or are for people. */
const developmentFiles =
  /^(package(-lock)?\.json|npm-shrinkwrap\.json|pnpm-.*|yarn\.lock|bun\.lockb?|[jt]sconfig.*|.*\.config\.[\w.]+|(nest-cli|angular|nx|turbo|lerna|biome|renovate|vercel|netlify|components|project|tslint|jest|nodemon|deno)\.jsonc?|README.*|LICENSE.*|CHANGELOG.*|CONTRIBUTING.*|Procfile|Makefile|(docker-)?compose.*|Dockerfile.*|.*\.md|\..*)$/i;
/** Kinds of files that programs read while they run. */
const runtimeFile = /\.([cm]?js|json|ya?ml|html|txt|sql|graphql|proto|csv|xml|ejs|hbs|pug)$/;

/** The entries at a module's root that a built program may read; its outputs come on top. */
export function runtimeEntries(tree: SourceTree, folder: string, outputs: readonly string[]): string[] {
  const built = new Set(outputs.map((output) => output.split("/")[0]));
  const folders = tree
    .foldersIn(folder)
    .filter((name) => !developmentFolders.test(name) && !built.has(name) && !isGenerated(name));
  const files = tree.filesIn(folder).filter((name) => runtimeFile.test(name) && !developmentFiles.test(name));
  return [...folders, ...files].filter((name) => name !== "node_modules");
}

function isGenerated(name: string): boolean {
  return ["dist", "build", "out", "target", "vendor", "bower_components"].includes(name);
}

const secretName =
  /(\.(pem|key|p12|pfx|jks|keystore)|^id_(rsa|dsa|ecdsa|ed25519)|^\.(netrc|pypirc|htpasswd)|^\.env(\..+)?)$/i;
const sampleName = /\.(example|sample|template|dist|defaults?)$/i;

/** Files below a folder whose names are those of secrets, relative to it. */
export function secretFiles(tree: SourceTree, folder: string): string[] {
  return tree.files
    .filter((file) => folder === "." || file.startsWith(`${folder}/`))
    .filter((file) => secretName.test(nameOf(file)) && !sampleName.test(nameOf(file)))
    .map((file) => relativeTo(folder, file))
    .slice(0, 50);
}

/** Frameworks whose build holds all of the source that its server needs. */
const builtWhole = new Set(["next", "remix", "react-router", "sveltekit", "astro"]);

/** What a framework's server reads beside its build; null when there is no such framework and anything may be read. */
export function frameworkEntries(tree: SourceTree, folder: string, framework: string | null): string[] | null {
  if (framework === null || !builtWhole.has(framework)) return null;
  const configuration =
    framework === "next" ? tree.filesIn(folder).filter((name) => /^next\.config\.[cm]?[jt]s$/.test(name)) : [];
  return [...tree.foldersIn(folder).filter((name) => name === "public"), ...configuration];
}
