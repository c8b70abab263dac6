import { defineProject } from "vitest/config";

/** Tests run from source: no build in the loop. Engine tests get their engine and registry from the environment that `npm test` sets. */
export const project = (name) =>
  defineProject({
    resolve: { conditions: ["@container-kit/source"] },
    ssr: { resolve: { conditions: ["@container-kit/source"] } },
    test: {
      name,
      include: ["src/**/*.test.ts", "test/**/*.test.ts"],
      testTimeout: 60_000,
      hookTimeout: 120_000,
    },
  });
