import { describe, expect, test } from "vitest";
import { analyzeOne } from "../../test/analyze.ts";

describe("a module", () => {
  test("of TypeScript has a tsconfig or mostly such sources; a devDependency proves nothing", async () => {
    expect(
      (await analyzeOne({ "package.json": { devDependencies: { typescript: "5" } }, "index.js": "" })).language,
    ).toBe("javascript");
    expect((await analyzeOne({ "package.json": {}, "tsconfig.json": {}, "index.js": "" })).language).toBe("typescript");
    expect(
      (await analyzeOne({ "package.json": {}, "src/a.ts": "", "src/b.ts": "", "c.js": "", "vite.config.js": "" }))
        .language,
    ).toBe("typescript");
    expect(
      (await analyzeOne({ "package.json": {}, "src/a.js": "", "types.d.ts": "", "vite.config.ts": "" })).language,
    ).toBe("javascript");
  });

  test.each([
    [{ dependencies: { next: "15", express: "5" } }, "next"],
    [{ devDependencies: { "@sveltejs/kit": "2", vite: "6" } }, "sveltekit"],
    [{ dependencies: { "react-router": "7" }, devDependencies: { vite: "6" } }, "vite"],
    [{ devDependencies: { "@react-router/dev": "7", vite: "6" } }, "react-router"],
    [{ dependencies: { express: "5" }, devDependencies: { vite: "6" } }, "express"],
    [{ dependencies: { "@nestjs/core": "11", express: "5" } }, "nest"],
    [{ dependencies: { "@hapi/hapi": "21" } }, "hapi"],
    [{ dependencies: { "@tanstack/react-start": "1", vite: "6" } }, "tanstack-start"],
    [{ dependencies: { "react-scripts": "5" } }, "create-react-app"],
    [{ dependencies: { vue: "3" }, devDependencies: { vite: "6" } }, "vite"],
    [{ dependencies: { vue: "2" }, devDependencies: { "@vue/cli-service": "5" } }, "vue"],
    [
      {
        dependencies: { "express-validator": "7", "next-auth": "5" },
        devDependencies: { "eslint-config-next": "15", express: "5" },
      },
      null,
    ],
    [{}, null],
  ])("with %j has the framework %s", async (manifest, framework) => {
    expect((await analyzeOne({ "package.json": manifest })).framework).toBe(framework);
  });

  test.each([
    ["node server.js", {}, "node server.js"],
    ["NODE_ENV=production node --inspect --env-file=.env server.js", {}, "node server.js"],
    ["npm run serve", { serve: "yarn go -- --fast", go: "node server.js" }, "node server.js"],
    ["nodemon server.js", {}, "node server.js"],
    ["pm2 start server.js", {}, "node server.js"],
    ["npm run build && node server.js", { build: "tsc" }, "node server.js"],
    ["./node_modules/.bin/tsx server.ts", {}, "tsx server.ts"],
    ["npx tsx watch server.ts", {}, "tsx server.ts"],
    ["node -r dotenv/config server.js", {}, "node -r dotenv/config server.js"],
    ["node server.js | pino-pretty", {}, "node server.js | pino-pretty"],
    ["npm start --workspace=api", {}, "node server.js"],
    ["npm run nothing", {}, "node server.js"],
    ["npm run a", { a: "npm run b", b: "npm run a" }, "node server.js"],
    ["yarn tsx server.ts", {}, "tsx server.ts"],
    ["pnpm exec tsx server.ts", {}, "tsx server.ts"],
  ])("that starts with %s runs %s", async (start, scripts, expected) => {
    const found = await analyzeOne({
      "package.json": { scripts: { ...scripts, start } },
      "server.js": "http.createServer().listen(3000)",
    });
    expect(found.startCommand).toBe(expected);
  });

  test("is started by its Procfile first, then scripts.start, then main, then a usual file", async () => {
    const manifest = { main: "m.js", scripts: { start: "node s.js" } };
    const files = { "m.js": "", "s.js": "", "p.js": "", "index.js": "" };
    expect(
      (await analyzeOne({ ...files, "package.json": manifest, Procfile: "release: x\nweb: node p.js\n" })).startCommand,
    ).toBe("node p.js");
    expect(
      (await analyzeOne({ ...files, "package.json": manifest, Procfile: "worker: node p.js\n" })).startCommand,
    ).toBe("node s.js");
    expect((await analyzeOne({ ...files, "package.json": { main: "m" } })).entrypoint).toBe("m.js");
    expect(await analyzeOne({ ...files, "package.json": { main: "gone.js" } })).toMatchObject({
      entrypoint: "index.js",
      codes: expect.arrayContaining(["START_FILE_MISSING"]),
    });
    expect((await analyzeOne({ "package.json": {}, "src/server.js": "" })).startCommand).toBe("node src/server.js");
    expect((await analyzeOne({ "package.json": {} })).startCommand).toBe(null);
  });

  test("that serves only while one develops has no start command", async () => {
    for (const start of ["vite", "react-scripts start", "ng serve", "next dev", "webpack serve --open"]) {
      expect((await analyzeOne({ "package.json": { scripts: { start } } })).startCommand).toBe(null);
    }
  });

  test("has its port from the start command, the code, a Dockerfile, the framework, then .env", async () => {
    const start = { scripts: { start: "node a.js" } };
    const code = { "a.js": "app.listen(process.env.PORT)" };
    expect(
      (
        await analyzeOne({
          "package.json": { scripts: { start: "PORT=4000 node a.js" } },
          "a.js": "app.listen(process.env.PORT || 3000)",
        })
      ).ports,
    ).toEqual([{ port: 4000, source: "scripts.start of package.json" }]);
    expect(
      (
        await analyzeOne({
          "package.json": start,
          ...code,
          Dockerfile: "FROM x\nEXPOSE 7000/tcp\n",
          ".env": "PORT=6000",
        })
      ).ports,
    ).toEqual([{ port: 7000, source: "Dockerfile:2" }]);
    expect(
      (
        await analyzeOne({
          "package.json": start,
          ...code,
          "compose.yaml": "services:\n  a:\n    build: .\n    ports: ['80:7100']\n",
        })
      ).ports,
    ).toEqual([{ port: 7100, source: "compose.yaml" }]);
    expect((await analyzeOne({ "package.json": start, ...code, ".env.example": "# x\nPORT=6000\n" })).ports).toEqual([
      { port: 6000, source: ".env.example:2" },
    ]);
    expect(
      (await analyzeOne({ "package.json": { dependencies: { next: "15" }, scripts: { start: "next start" } } })).ports,
    ).toEqual([{ port: 3000, source: "the default of next" }]);
    const unknown = await analyzeOne({ "package.json": { ...start, dependencies: { express: "5" } }, ...code });
    expect(unknown).toMatchObject({ ports: [], codes: expect.arrayContaining(["PORT_UNKNOWN"]) });
  });

  test("whose Dockerfile exposes another port is warned of", async () => {
    const found = await analyzeOne({
      "package.json": { scripts: { start: "node a.js" } },
      "a.js": "app.listen(4000)",
      Dockerfile: "FROM x\nEXPOSE 3000\n",
    });
    expect(found).toMatchObject({
      ports: [{ port: 4000, source: "a.js:1" }],
      codes: expect.arrayContaining(["PORT_DISAGREES"]),
    });
  });

  test("that binds loopback or a privileged port is warned of", async () => {
    expect((await analyzeOne({ "package.json": {}, "index.js": "app.listen(3000, 'localhost')" })).codes).toContain(
      "LISTENS_ON_LOOPBACK",
    );
    expect(
      (
        await analyzeOne({
          "package.json": { dependencies: { fastify: "5" } },
          "index.js": "fastify.listen({ port: 3000 })",
        })
      ).codes,
    ).toContain("LISTENS_ON_LOOPBACK");
    expect(
      (
        await analyzeOne({
          "package.json": { dependencies: { fastify: "5" } },
          "index.js": "fastify.listen({ port: 3000, host: '0.0.0.0' })",
        })
      ).codes,
    ).not.toContain("LISTENS_ON_LOOPBACK");
    expect((await analyzeOne({ "package.json": {}, "index.js": "app.listen(80)" })).codes).toContain("PORT_PRIVILEGED");
  });

  test.each([
    [{ scripts: { start: "node a.js" }, dependencies: { express: "5" } }, "server"],
    [{ scripts: { build: "vite build" }, devDependencies: { vite: "6" } }, "static"],
    [{ bin: { tool: "a.js" }, main: "a.js" }, "cli"],
    [{ main: "a.js" }, "unknown"],
  ])("%j is a %s", async (manifest, kind) => {
    expect((await analyzeOne({ "package.json": manifest, "a.js": "" })).kind).toBe(kind);
  });

  test("with an index.html is still Node", async () => {
    expect(
      await analyzeOne({
        "package.json": { dependencies: { express: "5" } },
        "index.js": "app.listen(1234)",
        "index.html": "",
      }),
    ).toMatchObject({ platform: "node", kind: "server" });
  });

  test("counts the dependencies that ship", async () => {
    expect(
      (
        await analyzeOne({
          "package.json": {
            dependencies: { a: "1", b: "1" },
            optionalDependencies: { c: "1" },
            devDependencies: { d: "1" },
          },
        })
      ).dependenciesCount,
    ).toBe(3);
  });

  test("whose build script builds an image has no build command", async () => {
    expect(await analyzeOne({ "package.json": { scripts: { build: "docker build -t x ." } } })).toMatchObject({
      buildCommand: null,
      codes: expect.arrayContaining(["BUILD_COMMAND_SKIPPED"]),
    });
  });
});
