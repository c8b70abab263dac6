import { lockfiles } from "../make-repository.ts";
import type { TemplateCase } from "./template-case.ts";

export const frameworks: readonly TemplateCase[] = [
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
