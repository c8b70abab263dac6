import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "apps/*"],
    // Tests wait for engines, registries and deadlines more than they compute.
    maxWorkers: 3,
  },
});
