import { lockfiles } from "../make-repository.ts";
import { express, server } from "./template-case.ts";
import type { TemplateCase } from "./template-case.ts";

export const managers: readonly TemplateCase[] = [
  {
    name: "pnpm, version from the manifest",
    files: {
      ...lockfiles.pnpm,
      "package.json": {
        name: "a",
        packageManager: "pnpm@9.15.0+sha512.abc",
        scripts: { build: "tsc", start: "node dist/index.js" },
        dependencies: express,
        devDependencies: { typescript: "5" },
      },
      "tsconfig.json": { compilerOptions: { outDir: "dist" } },
      "src/index.ts": server,
    },
    has: [
      "npx --yes pnpm@9.15.0 install --frozen-lockfile",
      "COPY package.json pnpm-lock.yaml ./",
      "pnpm@9.15.0 install --prod --ignore-scripts",
      "CI=true",
    ],
  },
  {
    name: "yarn classic",
    files: {
      ...lockfiles.yarnClassic,
      "package.json": { name: "a", scripts: { start: "node index.js" }, dependencies: express },
      "index.js": server,
    },
    has: ["npx --yes yarn@1 install --frozen-lockfile --non-interactive --production"],
  },
  {
    name: "yarn 4 with its release in the repository",
    files: {
      ...lockfiles.yarnModern,
      ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.1.0.cjs\n",
      ".yarn/releases/yarn-4.1.0.cjs": "",
      "package.json": {
        name: "a",
        scripts: { start: "node index.js" },
        dependencies: express,
        devDependencies: { eslint: "9" },
      },
      "index.js": server,
    },
    has: [
      "COPY .yarn/releases ./.yarn/releases",
      "node .yarn/releases/yarn-4.1.0.cjs install --immutable",
      "workspaces focus --all --production",
      "YARN_NODE_LINKER=node-modules",
    ],
  },
  {
    name: "yarn 3 without the workspace plugin",
    files: {
      "yarn.lock": "__metadata:\n  version: 6\n",
      "package.json": {
        name: "a",
        packageManager: "yarn@3.6.4",
        scripts: { start: "node index.js" },
        dependencies: express,
        devDependencies: { eslint: "9" },
      },
      "index.js": server,
    },
    has: ["npx --yes @yarnpkg/cli-dist@3.6.4 install --immutable"],
    lacks: ["focus"],
  },
  {
    name: "bun that runs the program",
    files: {
      ...lockfiles.bun,
      "package.json": { name: "a", scripts: { start: "bun run index.ts" }, dependencies: { hono: "4" } },
      "index.ts": "export default {};\nBun.serve({ port: 4321, fetch: () => new Response() });",
    },
    has: [
      "ARG BUN_IMAGE=oven/bun:1-slim",
      "bun install --frozen-lockfile --production",
      'CMD ["bun","index.ts"]',
      "EXPOSE 4321",
    ],
    lacks: ["NODE_IMAGE"],
  },
  {
    name: "bun that installs, node that runs",
    files: {
      ...lockfiles.bun,
      "package.json": {
        name: "a",
        packageManager: "bun@1.1.30",
        scripts: { start: "node index.js" },
        dependencies: express,
      },
      "index.js": server,
    },
    has: [
      "FROM ${BUN_IMAGE} AS bun",
      "ARG BUN_IMAGE=oven/bun:1.1.30-slim",
      "COPY --from=bun /usr/local/bin/bun /usr/local/bin/bun",
      'CMD ["node","index.js"]',
    ],
  },
];
