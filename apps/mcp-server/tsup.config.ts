import { defineConfig } from "tsup";

/**
 * One program, split so that a command loads only what it needs. Everything that is JavaScript is bundled; what is
 * native or loads native parts is an ordinary dependency (see package.json).
 */
export default defineConfig({
  entry: ["src/cli.ts"],
  format: ["esm"],
  target: "node20",
  clean: true,
  splitting: true,
  treeshake: false,
  noExternal: [/^(?!better-sqlite3(?:$|\/))/],
  // CommonJS libraries inside the bundle ask for Node's own modules by `require`.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  esbuildOptions(options) {
    options.conditions = ["@container-kit/source"];
  },
});
