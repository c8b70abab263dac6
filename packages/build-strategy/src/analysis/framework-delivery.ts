/**
 * What of each framework's build runs, and where it lies: a program, or files that a web server hands out.
 * Each rule reads the framework's own configuration; where that leaves it open, nothing is claimed.
 */
import { angularOutput, compilerOutput } from "./build.ts";
import {
  hasProgram,
  nitroServer,
  ownProgram,
  readConfig,
  server,
  site,
  siteUnlessProgram,
  standaloneNext,
  viteOutput,
} from "./delivery-parts.ts";
import type { Delivery, DeliveryInput } from "./delivery-parts.ts";
import { dependsOn } from "./manifest.ts";
import { joinPath } from "./path.ts";

type Rule = (input: DeliveryInput) => Promise<Delivery | null>;

/** By framework; null from a rule leaves the module to the general one. */
export const frameworkRules: Readonly<Record<string, Rule>> = {
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
