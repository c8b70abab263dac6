import { lockfiles } from "./make-repository.ts";
import type { Files } from "./make-repository.ts";

/** One repository for each case that the Node template knows. */
export interface TemplateCase {
  readonly name: string;
  readonly files: Files;
  readonly module?: string;
  /** Instructions, or parts of them, that must be there. */
  readonly has: readonly string[];
  readonly lacks?: readonly string[];
}

const server = "require('http').createServer((q, s) => s.end('ok')).listen(process.env.PORT || 3000);\n";
const express = { express: "^5.0.0" };

const programs: TemplateCase[] = [
  {
    name: "express with npm",
    files: {
      ...lockfiles.npm,
      "package.json": { name: "a", scripts: { start: "node server.js" }, dependencies: express },
      "server.js": server,
    },
    has: [
      "npm ci --omit=dev",
      "COPY package.json package-lock.json ./",
      'CMD ["node","server.js"]',
      "EXPOSE 3000",
      "USER 1000:1000",
    ],
    lacks: ["AS build", "AS production"],
  },
  {
    name: "no dependencies",
    files: { ...lockfiles.npm, "package.json": { name: "a", main: "index.js" }, "index.js": server },
    has: ["mkdir -p node_modules", 'CMD ["node","index.js"]'],
  },
  {
    name: "no lockfile",
    files: {
      "package.json": { name: "a", scripts: { start: "node index.js" }, dependencies: express },
      "index.js": server,
    },
    has: ["npm install --omit=dev"],
    lacks: ["npm ci"],
  },
  {
    name: "development dependencies only",
    files: {
      ...lockfiles.npm,
      "package.json": { name: "a", scripts: { start: "node index.js" }, devDependencies: { eslint: "9" } },
      "index.js": server,
    },
    has: ["npm ci --omit=dev", "mkdir -p node_modules"],
  },
  {
    name: "typescript compiled by tsc",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { build: "tsc", start: "node dist/index.js" },
        dependencies: express,
        devDependencies: { typescript: "5" },
      },
      "tsconfig.json": '{ // where it goes\n "compilerOptions": { "outDir": "dist", }, }',
      "src/index.ts": "import express from 'express'; express().listen(8081);\n",
      "public/a.css": "a{}",
    },
    has: [
      "npm run build",
      "npm prune --omit=dev",
      "/app/dist ./dist",
      "/app/public ./public",
      "EXPOSE 8081",
      'CMD ["node","dist/index.js"]',
    ],
    lacks: ["/app/src", "PORT="],
  },
  {
    name: "typescript without a build script",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        main: "lib/server.js",
        scripts: { start: "tsc && node lib/server.js" },
        dependencies: express,
        devDependencies: { typescript: "5" },
      },
      "tsconfig.json": { compilerOptions: { outDir: "./lib" } },
      "src/server.ts": "import express from 'express'; express().listen(process.env.PORT ?? 4000);\n",
    },
    has: ["npx tsc", "/app/lib ./lib", 'CMD ["node","lib/server.js"]', "EXPOSE 4000", "PORT=4000"],
  },
  {
    name: "native dependencies",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { start: "node index.js" },
        dependencies: { ...express, "better-sqlite3": "12", bcrypt: "6" },
      },
      "index.js": server,
    },
    has: ["apt-get install --yes --no-install-recommends g++ make python3", "bcrypt, better-sqlite3 may compile"],
  },
  {
    name: "prisma",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { postinstall: "prisma generate", build: "tsc", start: "node dist/main.js" },
        dependencies: { ...express, "@prisma/client": "6" },
        devDependencies: { prisma: "6", typescript: "5" },
      },
      "tsconfig.json": { compilerOptions: { outDir: "dist" } },
      "prisma/schema.prisma": "",
      "src/main.ts": server,
    },
    has: ["COPY prisma ./prisma", "FROM build AS production", "install --yes --no-install-recommends openssl"],
  },
  {
    name: "install scripts that need the source",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { postinstall: "node tools/setup.js", start: "node index.js" },
        dependencies: express,
        devDependencies: { eslint: "9" },
      },
      "tools/setup.js": "",
      "index.js": server,
    },
    has: ["COPY . .\nRUN", "FROM dependencies AS production", "COPY --from=production --chown=1000:1000 /app/ ./"],
  },
  {
    name: "git hooks in prepare",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { prepare: "husky install", start: "node index.js" },
        dependencies: express,
        devDependencies: { husky: "9" },
      },
      "index.js": server,
    },
    has: ["npm ci --no-audit", "npm prune --omit=dev"],
    lacks: ["npm ci --omit=dev"],
  },
  {
    name: "a start script that migrates first",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { start: "knex migrate:latest && NODE_OPTIONS=--max-old-space-size=200 node index.js" },
        dependencies: { ...express, knex: "3" },
      },
      "index.js": server,
    },
    has: [
      'CMD ["sh","-c","knex migrate:latest && exec node index.js"]',
      "PATH=/app/node_modules/.bin:$PATH",
      "NODE_OPTIONS=",
    ],
  },
  {
    name: "a start program from development dependencies",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        type: "module",
        scripts: { start: "tsx src/index.ts" },
        dependencies: express,
        devDependencies: { tsx: "4" },
      },
      "src/index.ts": server,
    },
    has: ['CMD ["tsx","src/index.ts"]', "npm ci --no-audit"],
    lacks: ["prune", "--omit=dev"],
  },
  {
    name: "a program without a port",
    files: {
      ...lockfiles.npm,
      "package.json": { name: "a", scripts: { start: "node bot.js" } },
      "bot.js": "setInterval(() => {}, 1000);",
    },
    has: ["HEALTHCHECK NONE"],
    lacks: ["EXPOSE"],
  },
  {
    name: "a command",
    files: {
      ...lockfiles.npm,
      "package.json": { name: "a", bin: { a: "bin/a.js" } },
      "bin/a.js": "#!/usr/bin/env node\n",
    },
    has: ['ENTRYPOINT ["node","bin/a.js"]'],
    lacks: ["EXPOSE", "\nCMD"],
  },
  {
    name: "an old Node",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        engines: { node: "14.x" },
        scripts: { start: "node index.js" },
        dependencies: express,
      },
      "index.js": server,
    },
    has: ["ARG NODE_IMAGE=node:14-slim", "npm ci --only=production", "require('http').get("],
    lacks: ["fetch("],
  },
  {
    name: "credentials in .npmrc",
    files: {
      ...lockfiles.npm,
      "package.json": { name: "a", scripts: { start: "node index.js" }, dependencies: express },
      ".npmrc": "//registry.example.com/:_authToken=${NPM_TOKEN}\n",
      "index.js": server,
    },
    has: ["--mount=type=secret,id=npmrc,target=/root/.npmrc"],
    lacks: ["COPY package.json package-lock.json .npmrc"],
  },
  {
    name: "settings in .npmrc",
    files: {
      ...lockfiles.npm,
      "package.json": { name: "a", scripts: { start: "node index.js" }, dependencies: express },
      ".npmrc": "legacy-peer-deps=true\n",
      "index.js": server,
    },
    has: ["COPY package.json package-lock.json .npmrc ./"],
    lacks: ["type=secret"],
  },
];

const managers: TemplateCase[] = [
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

const frameworks: TemplateCase[] = [
  {
    name: "next, standalone",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { build: "next build", start: "next start" },
        dependencies: { next: "15", react: "19" },
      },
      "next.config.mjs": "// output: 'export'\nexport default { output: 'standalone' };\n",
      "public/robots.txt": "",
      "app/page.jsx": "",
      "app/api/health/route.js": "",
    },
    has: [
      "/app/.next/standalone/ ./",
      "/app/.next/static ./.next/static",
      "/app/public ./public",
      'CMD ["node","server.js"]',
      "HOSTNAME=0.0.0.0",
      "/api/health",
      "rm -rf .next/cache",
    ],
    lacks: ["node_modules ./node_modules"],
  },
  {
    name: "next with its own server",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { build: "next build", start: "next start -p 4000" },
        dependencies: { next: "15" },
        devDependencies: { eslint: "9" },
      },
      "next.config.js": "module.exports = {};\n",
      "pages/index.js": "",
    },
    has: [
      'CMD ["next","start","-p","4000"]',
      "EXPOSE 4000",
      "/app/.next ./.next",
      "/app/next.config.js ./next.config.js",
      "127.0.0.1:4000/'",
    ],
    lacks: ["PORT=", "/app/pages"],
  },
  {
    name: "next, exported",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { build: "next build", start: "next start" },
        dependencies: { next: "15" },
      },
      "next.config.ts": 'export default { output: "export" }',
    },
    has: ["/app/out/ /usr/share/nginx/html/", "try_files $uri $uri/index.html"],
  },
  {
    name: "nuxt",
    files: {
      ...lockfiles.pnpm,
      "package.json": {
        name: "a",
        scripts: { build: "nuxt build", dev: "nuxt dev", postinstall: "nuxt prepare" },
        dependencies: { nuxt: "3" },
      },
      "nuxt.config.ts": "",
    },
    has: ["/app/.output ./.output", 'CMD ["node",".output/server/index.mjs"]', "EXPOSE 3000"],
    lacks: ["node_modules ./node_modules"],
  },
  {
    name: "sveltekit on node",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { build: "vite build" },
        devDependencies: { "@sveltejs/kit": "2", "@sveltejs/adapter-node": "5", vite: "6" },
      },
      "svelte.config.js": "import adapter from '@sveltejs/adapter-node';",
    },
    has: ["/app/build ./build", 'CMD ["node","build"]'],
  },
  {
    name: "remix",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { build: "remix vite:build", start: "remix-serve ./build/server/index.js" },
        dependencies: { "@remix-run/serve": "2" },
        devDependencies: { "@remix-run/dev": "2", vite: "5" },
      },
    },
    has: ['CMD ["remix-serve","./build/server/index.js"]', "/app/build ./build", "PATH=/app/node_modules/.bin:$PATH"],
  },
  {
    name: "nest",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { build: "nest build", start: "nest start", "start:prod": "node dist/main" },
        dependencies: { "@nestjs/core": "11" },
        devDependencies: { "@nestjs/cli": "11", typescript: "5" },
      },
      "tsconfig.json": { compilerOptions: { outDir: "./dist" } },
      "src/main.ts":
        "async function bootstrap() { const app = await NestFactory.create(AppModule); await app.listen(process.env.PORT ?? 3000); }",
    },
    has: ['CMD ["node","dist/main"]', "EXPOSE 3000", "/app/dist ./dist"],
  },
  {
    name: "vite",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { build: "vite build", dev: "vite", preview: "vite preview" },
        devDependencies: { vite: "6" },
      },
      "index.html": "",
      "main.js": "",
      "vite.config.js": "export default { build: { outDir: 'public-build' } }",
    },
    has: [
      "ARG NGINX_IMAGE=nginxinc/nginx-unprivileged:stable-alpine",
      "/app/public-build/ /usr/share/nginx/html/",
      "EXPOSE 8080",
      "USER 101:101",
      "try_files $uri $uri/ /index.html",
    ],
  },
  {
    name: "create-react-app",
    files: {
      ...lockfiles.yarnClassic,
      "package.json": {
        name: "a",
        scripts: { build: "react-scripts build", start: "react-scripts start" },
        dependencies: { "react-scripts": "5" },
      },
    },
    has: ["/app/build/ /usr/share/nginx/html/"],
  },
  {
    name: "angular",
    files: {
      ...lockfiles.npm,
      "package.json": {
        name: "a",
        scripts: { build: "ng build", start: "ng serve" },
        dependencies: { "@angular/core": "19" },
      },
      "angular.json": {
        projects: {
          shop: {
            architect: {
              build: { builder: "@angular-devkit/build-angular:application", options: { outputPath: "dist/shop" } },
            },
          },
        },
      },
    },
    has: ["/app/dist/shop/browser/ /usr/share/nginx/html/"],
  },
  {
    name: "astro, static, installed by bun",
    files: {
      ...lockfiles.bun,
      "package.json": {
        name: "a",
        scripts: { build: "astro build", start: "astro dev" },
        dependencies: { astro: "5" },
      },
      "astro.config.mjs": "export default {}",
    },
    has: ["/app/dist/ /usr/share/nginx/html/", "error_page 404", "bun run build"],
  },
];

const api = (dependencies: Record<string, string>): Record<string, unknown> => ({
  name: "@shop/api",
  version: "1.0.0",
  scripts: { build: "tsc", start: "node dist/index.js" },
  dependencies: { ...express, ...dependencies },
  devDependencies: { typescript: "5" },
});

function workspace(root: Files, member: Record<string, unknown>): Files {
  return {
    ...root,
    "apps/api/package.json": member,
    "apps/api/tsconfig.json": { compilerOptions: { outDir: "dist" } },
    "apps/api/src/index.ts": "express().listen(5000)",
    "packages/text/package.json": { name: "@shop/text", scripts: { build: "tsc" } },
    "packages/unused/package.json": { name: "@shop/unused" },
  };
}

const workspaces: TemplateCase[] = [
  {
    name: "npm workspace",
    module: "apps/api",
    files: workspace(
      { ...lockfiles.npm, "package.json": { name: "shop", private: true, workspaces: ["apps/*", "packages/*"] } },
      api({ "@shop/text": "*" }),
    ),
    has: [
      "COPY packages/unused/package.json ./packages/unused/package.json",
      "npm run build --workspace=packages/text",
      "npm run build --workspace=apps/api",
      "/app/packages/text ./packages/text",
      "WORKDIR /app/apps/api",
      'CMD ["node","dist/index.js"]',
      "EXPOSE 5000",
    ],
    lacks: ["/app/packages/unused ./packages/unused"],
  },
  {
    name: "pnpm workspace",
    module: "apps/api",
    files: workspace(
      {
        ...lockfiles.pnpm,
        "pnpm-workspace.yaml": "packages:\n  - apps/*\n  - 'packages/*'\n",
        "package.json": { name: "shop", private: true },
      },
      api({ "@shop/text": "workspace:*" }),
    ),
    has: [
      "COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./",
      "--filter '{./apps/api}...' run build",
      "/app/node_modules ./node_modules",
    ],
  },
  {
    name: "next, standalone, in a workspace",
    module: "apps/web",
    files: {
      ...lockfiles.npm,
      "package.json": { name: "shop", private: true, workspaces: ["apps/*"] },
      "apps/web/package.json": {
        name: "web",
        scripts: { build: "next build", start: "next start" },
        dependencies: { next: "15" },
      },
      "apps/web/next.config.js": "module.exports = { output: 'standalone' }",
      "apps/web/public/a.txt": "",
    },
    has: [
      "/app/apps/web/.next/standalone/ ./",
      "/app/apps/web/.next/static ./apps/web/.next/static",
      "/app/apps/web/public ./apps/web/public",
      "WORKDIR /app/apps/web",
    ],
  },
  {
    name: "a site in a workspace",
    module: "apps/web",
    files: {
      ...lockfiles.npm,
      "package.json": { name: "shop", private: true, workspaces: ["apps/*"] },
      "apps/web/package.json": { name: "web", scripts: { build: "vite build" }, devDependencies: { vite: "6" } },
      "apps/web/index.html": "",
    },
    has: ["/app/apps/web/dist/ /usr/share/nginx/html/"],
  },
];

export const templateCases: readonly TemplateCase[] = [...programs, ...managers, ...frameworks, ...workspaces];
