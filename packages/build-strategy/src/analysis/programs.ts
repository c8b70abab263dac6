/** What is known of the programs that start scripts name. */

/** Programs that serve while one develops, or do not serve at all: none of them belongs in an image. */
const developmentPrograms = new Set(
  [
    "vite webpack-dev-server expo react-native astro gatsby nuxt nuxi nitro remix react-router nest docusaurus vitepress",
    "vuepress eleventy browser-sync live-server gulp grunt electron electron-forge storybook concurrently turbo nx lerna",
    "moon jest vitest tsc echo exit",
  ].flatMap((line) => line.split(" ")),
);

/** Programs of which only some commands do. */
const developmentCommands = new Map<string, (args: readonly string[]) => boolean>([
  ["react-scripts", (args) => args[0] === "start"],
  ["react-app-rewired", (args) => args[0] === "start"],
  ["craco", (args) => args[0] === "start"],
  ["ng", (args) => args[0] === "serve" || args[0] === "s"],
  ["vue-cli-service", (args) => args[0] === "serve"],
  ["webpack", (args) => args.includes("serve")],
  ["parcel", (args) => args[0] !== "build"],
  ["next", (args) => args[0] !== "start"],
  ["vinxi", (args) => args[0] !== "start"],
]);

export function isDevelopmentServer(program: string, args: readonly string[]): boolean {
  return developmentPrograms.has(program) || (developmentCommands.get(program)?.(args) ?? false);
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
    return (
      script === "install" || script === "ci" || script === "i" || /^(pre)?build|^compile|^generate/.test(script ?? "")
    );
  }
  const known = ["tsc", "tsup", "rimraf", "webpack", "esbuild", "rollup", "swc", "babel", "set", "npm-run-all"];
  const builders = ["next", "nuxt", "nest", "vite", "remix", "astro", "react-router", "react-scripts", "strapi"];
  if (program === "rm" || program === "npx") return program === "rm" || isBuildStep(args);
  return (
    known.includes(program) ||
    (builders.includes(program) && args[0] === "build") ||
    (program === "prisma" && args[0] === "generate")
  );
}

const packagesOfPrograms = new Map([
  ["remix-serve", "@remix-run/serve"],
  ["react-router-serve", "@react-router/serve"],
  ["pm2-runtime", "pm2"],
  ["strapi", "@strapi/strapi"],
  ["nest", "@nestjs/cli"],
  ["ng", "@angular/cli"],
  ["medusa", "@medusajs/cli"],
  ["nuxi", "nuxt"],
]);

/** The package that brings a program. */
export function packageOfProgram(program: string): string {
  return packagesOfPrograms.get(program) ?? program;
}
