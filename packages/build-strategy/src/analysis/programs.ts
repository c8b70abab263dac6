/** What is known of the programs that start scripts name. */

/** Programs that serve while one develops: none of them belongs in an image. */
const developmentServers: Readonly<Record<string, (args: readonly string[]) => boolean>> = {
  vite: () => true,
  "react-scripts": (args) => args[0] === "start",
  "react-app-rewired": (args) => args[0] === "start",
  craco: (args) => args[0] === "start",
  ng: (args) => args[0] === "serve" || args[0] === "s",
  "vue-cli-service": (args) => args[0] === "serve",
  webpack: (args) => args.includes("serve"),
  "webpack-dev-server": () => true,
  parcel: (args) => args[0] !== "build",
  expo: () => true,
  "react-native": () => true,
  astro: () => true,
  gatsby: () => true,
  next: (args) => args[0] !== "start",
  nuxt: () => true,
  nuxi: () => true,
  nitro: () => true,
  vinxi: (args) => args[0] !== "start",
  remix: () => true,
  "react-router": () => true,
  nest: () => true,
  docusaurus: () => true,
  vitepress: () => true,
  vuepress: () => true,
  eleventy: () => true,
  "browser-sync": () => true,
  "live-server": () => true,
  gulp: () => true,
  grunt: () => true,
  electron: () => true,
  "electron-forge": () => true,
  storybook: () => true,
  concurrently: () => true,
  turbo: () => true,
  nx: () => true,
  lerna: () => true,
  moon: () => true,
  jest: () => true,
  vitest: () => true,
  tsc: () => true,
  echo: () => true,
  exit: () => true,
};

export function isDevelopmentServer(program: string, args: readonly string[]): boolean {
  return developmentServers[program]?.(args) ?? false;
}

/** Programs that hand out the files of a folder. */
export function servedFolder(program: string, args: readonly string[]): string | null {
  if (program !== "serve" && program !== "http-server" && program !== "sirv") return null;
  const withValue = new Set(["-l", "--listen", "-p", "--port", "-c", "--config", "-a", "--host", "-H"]);
  const folder = args.find((arg, index) => !arg.startsWith("-") && !withValue.has(args[index - 1] ?? ""));
  return folder ?? ".";
}

/** Commands that a start script runs first and that the build stage has done already. */
export function isBuildStep(argv: readonly string[]): boolean {
  const [program = "", ...args] = argv;
  const managers = ["npm", "yarn", "pnpm", "bun"];
  if (managers.includes(program)) {
    const script = args[0] === "run" ? args[1] : args[0];
    return script === "install" || script === "ci" || script === "i" || /^(pre)?build|^compile|^generate/.test(script ?? "");
  }
  const known = ["tsc", "tsup", "rimraf", "webpack", "esbuild", "rollup", "swc", "babel", "set", "npm-run-all"];
  const builders = ["next", "nuxt", "nest", "vite", "remix", "astro", "react-router", "react-scripts", "strapi"];
  if (program === "rm" || program === "npx") return program === "rm" || isBuildStep(args);
  return known.includes(program) || (builders.includes(program) && args[0] === "build") || (program === "prisma" && args[0] === "generate");
}

const packagesOfPrograms: Readonly<Record<string, string>> = {
  "remix-serve": "@remix-run/serve",
  "react-router-serve": "@react-router/serve",
  "pm2-runtime": "pm2",
  strapi: "@strapi/strapi",
  nest: "@nestjs/cli",
  ng: "@angular/cli",
  medusa: "@medusajs/cli",
  directus: "directus",
  nuxi: "nuxt",
};

/** The package that brings a program. */
export function packageOfProgram(program: string): string {
  return packagesOfPrograms[program] ?? program;
}
