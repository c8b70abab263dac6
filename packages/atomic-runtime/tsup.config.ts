import { defineConfig } from "tsup";
import { library } from "@container-kit/config/tsup";

export default defineConfig([
  { ...library(), clean: ["!plugin-host.*"] },
  // The program of untrusted plugins reads nothing beside itself, so that everything that it needs is in it.
  {
    ...library([]),
    entry: { "plugin-host": "src/plugins/host/main.ts" },
    outExtension: () => ({ js: ".mjs" }),
    clean: false,
    sourcemap: false,
    noExternal: [/.*/],
    esbuildOptions(options) {
      options.conditions = ["@container-kit/source"];
    },
  },
]);
