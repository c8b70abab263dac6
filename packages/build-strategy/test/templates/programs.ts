import { lockfiles } from "../make-repository.ts";
import { express, server } from "./template-case.ts";
import type { TemplateCase } from "./template-case.ts";

export const programs: readonly TemplateCase[] = [
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
