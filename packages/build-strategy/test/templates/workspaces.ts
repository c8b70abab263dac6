import { lockfiles } from "../make-repository.ts";
import type { Files } from "../make-repository.ts";
import { express } from "./template-case.ts";
import type { TemplateCase } from "./template-case.ts";

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

export const workspaces: readonly TemplateCase[] = [
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
