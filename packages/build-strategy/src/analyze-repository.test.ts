import { mkdir, symlink, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lockfiles, makeRepository, now } from "../test/make-repository.ts";
import type { Files } from "../test/make-repository.ts";
import { analyzeRepository, surveyRepository } from "./index.ts";
import type { AnalyzeOptions, SourceModule } from "./index.ts";

async function analyze(files: Files, options: AnalyzeOptions = {}) {
  return analyzeRepository(await makeRepository(files), { now, ...options });
}

async function only(
  files: Files,
  options: AnalyzeOptions = {},
): Promise<SourceModule & { readonly codes: readonly string[] }> {
  const { modules, warnings } = await analyze(files, options);
  const [first] = modules;
  if (first === undefined) throw new Error("there is a module");
  return { ...first, codes: warnings.map((warning) => warning.code) };
}

describe("what cannot be analysed", () => {
  test("an empty folder is UNSUPPORTED and said to be empty", async () => {
    await expect(analyze({})).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("is empty"),
    });
  });

  test("a path that is missing is NOT_FOUND, a file and an empty path are INVALID_INPUT", async () => {
    const root = await makeRepository({ "a.txt": "" });
    await expect(analyzeRepository(join(root, "nothing"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(analyzeRepository(join(root, "a.txt", "b"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(analyzeRepository(join(root, "a.txt"))).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(analyzeRepository("")).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(analyzeRepository("a\0b")).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  test.each([
    ["python", { "requirements.txt": "flask\n", "app.py": "" }],
    ["go", { "go.mod": "module a\n" }],
    ["java", { "pom.xml": "<project/>" }],
    ["dotnet", { "App.csproj": "<Project/>" }],
    ["ruby", { Gemfile: "" }],
    ["php", { "composer.json": {}, "package.json": { scripts: { dev: "vite" }, devDependencies: { vite: "6" } } }],
    ["ruby", { Gemfile: "", "config/application.rb": "", "package.json": { scripts: { build: "esbuild x" } } }],
    ["elixir", { "mix.exs": "", "assets/package.json": { dependencies: { phoenix: "1" } } }],
    ["python", { "manage.py": "", "package.json": { scripts: { dev: "tailwindcss" } } }],
    ["rust", { "Cargo.toml": "", "src/main.rs": "" }],
    ["deno", { "deno.json": {} }],
    ["static", { "index.html": "" }],
    ["haskell", { "package.yaml": "name: a\ndependencies:\n  - base\n", "stack.yaml": "" }],
  ] as [string, Files][])("a repository of %s is UNSUPPORTED, and that was seen", async (platform, files) => {
    await expect(analyze(files)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      details: { seen: expect.arrayContaining([platform]) },
      message: expect.stringContaining(platform),
    });
  });

  test("a repository of nothing known says so and names its Dockerfiles", async () => {
    const error = {
      code: "UNSUPPORTED",
      details: { seen: [], dockerfiles: ["Dockerfile"] },
      remedy: expect.stringContaining("Dockerfile"),
    };
    await expect(analyze({ "main.c": "", Dockerfile: "FROM scratch" })).rejects.toMatchObject(error);
  });

  test("the Node part of another platform's repository is named, and analysed when asked for", async () => {
    const files: Files = {
      "go.mod": "",
      "main.go": "",
      "web/package.json": { name: "web", scripts: { start: "node a.js" } },
      "web/a.js": "",
    };
    await expect(analyze(files)).rejects.toMatchObject({
      code: "UNSUPPORTED",
      remedy: expect.stringContaining("web"),
      details: { nodeModules: ["web"] },
    });
    expect((await only(files, { module: "web" })).path).toBe("web");
  });

  test("a module that is no folder, has no manifest or lies outside is refused", async () => {
    const files: Files = { "package.json": { name: "a" }, "docs/a.md": "" };
    await expect(analyze(files, { module: "nothing" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(analyze(files, { module: "docs" })).rejects.toMatchObject({ code: "UNSUPPORTED" });
    for (const module of ["../x", "/etc", "a/../../x", "a\0"])
      await expect(analyze(files, { module })).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  test("a survey of another platform is no error and holds what was found", async () => {
    const survey = await surveyRepository(await makeRepository({ "go.mod": "", Dockerfile: "FROM scratch" }));
    expect(survey).toMatchObject({
      modules: [],
      existing: { dockerfiles: ["Dockerfile"] },
      seen: [{ platform: "go", file: "go.mod" }],
    });
  });

  test("an aborted signal is CANCELLED", async () => {
    await expect(analyze({ "package.json": {} }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "CANCELLED",
    });
  });
});

describe("a manifest", () => {
  test("with a syntax error is a warning, and what can be read of it is used", async () => {
    const found = await only({ "package.json": '{ "name": "a", "scripts": { "start": "node b.js", }, }', "b.js": "" });
    expect(found).toMatchObject({
      name: "a",
      startCommand: "node b.js",
      codes: expect.arrayContaining(["MANIFEST_INVALID"]),
    });
  });

  test("that is no JSON at all still makes the folder a Node module", async () => {
    const found = await only({ "package.json": "{{{{", "index.js": "require('http').createServer().listen(3000)" });
    expect(found).toMatchObject({
      platform: "node",
      name: null,
      startCommand: "node index.js",
      codes: expect.arrayContaining(["MANIFEST_INVALID"]),
    });
  });

  test.each([
    "[]",
    "null",
    '"text"',
    "1",
    '{"scripts": 5, "dependencies": ["a"], "engines": "x", "name": {}, "bin": 3, "workspaces": 7}',
  ])("%s is survived", async (text) => {
    expect((await only({ "package.json": text })).platform).toBe("node");
  });

  test("with a byte order mark is read", async () => {
    expect((await only({ "package.json": '\uFEFF{"name":"bom"}' })).name).toBe("bom");
  });

  test("in JSON5 or YAML is read, and belongs to pnpm", async () => {
    expect(await only({ "package.json5": "{ name: 'five', main: 'main.js', // yes\n}", "main.js": "" })).toMatchObject({
      name: "five",
      packageManager: "pnpm",
      startCommand: "node main.js",
    });
    expect(await only({ "package.yaml": "name: y\nscripts:\n  start: node a.js\n" })).toMatchObject({
      name: "y",
      packageManager: "pnpm",
    });
  });

  test("larger than a megabyte is a warning", async () => {
    const found = await only({ "package.json": `{"name":"a","x":"${"y".repeat(1024 * 1024)}"}` });
    expect(found.codes).toEqual(expect.arrayContaining(["FILE_TOO_LARGE", "MANIFEST_INVALID"]));
  });

  test("after a hundred files and deep in the tree is found", async () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`a${index}.txt`, ""]));
    const found = await only({ ...many, "x/y/z/u/v/w/package.json": { name: "deep" } });
    expect(found).toMatchObject({ path: "x/y/z/u/v/w", name: "deep" });
  });

  test("in node_modules, dist or a test folder is no module", async () => {
    const { modules } = await analyze({
      "package.json": { name: "a" },
      "node_modules/b/package.json": { name: "b" },
      "dist/package.json": { name: "c" },
      "test/fixtures/d/package.json": { name: "d" },
      "src/package.json": { type: "module" },
      "client/package.json": { name: "client" },
    });
    expect(modules.map((module) => module.path)).toEqual([".", "client"]);
  });
});

describe("the tree", () => {
  test("is never left through a symbolic link", async () => {
    const outside = await makeRepository({ "package.json": { name: "outside" }, "secret.js": "app.listen(6666)" });
    const root = await makeRepository({ "package.json": { name: "inside", scripts: { start: "node server.js" } } });
    await symlink(outside, join(root, "linked"));
    await symlink(join(outside, "secret.js"), join(root, "server.js"));
    await symlink("nowhere", join(root, "dangling"));
    await symlink(".", join(root, "loop"));
    const analysis = await analyzeRepository(root, { now });
    expect(analysis.modules.map((module) => module.path)).toEqual(["."]);
    expect(analysis.modules[0]?.ports).toEqual([]);
    expect(analysis.warnings.map((warning) => `${warning.code} ${warning.file ?? ""}`)).toEqual(
      expect.arrayContaining(["LINK_OUTSIDE linked", "LINK_OUTSIDE server.js"]),
    );
  });

  test("may hold links that stay inside, and pipes that are never opened", async () => {
    const root = await makeRepository({ "config/package.json": { name: "linked" } });
    await symlink("config/package.json", join(root, "package.json"));
    await promisify(execFile)("mkfifo", [join(root, ".nvmrc")]);
    const { modules } = await analyzeRepository(root, { now });
    expect(modules[0]).toMatchObject({ path: ".", name: "linked" });
  });

  test("is cut where it is too large or too deep, and says so", async () => {
    const root = await makeRepository({ "package.json": { name: "a" } });
    for (let folder = 0; folder < 5; folder++) {
      await mkdir(join(root, `f${folder}`));
      for (let file = 0; file < 10; file++) await writeFile(join(root, `f${folder}`, `${file}.txt`), "");
    }
    const { modules, warnings } = await analyzeRepository(root, { now, limits: { entries: 20 } });
    expect(modules[0]?.name).toBe("a");
    expect(warnings.map((warning) => warning.code)).toContain("TREE_TRUNCATED");
    const deep = await makeRepository({ "package.json": { name: "a" }, "a/b/c/d/x.txt": "" });
    expect(
      (await analyzeRepository(deep, { now, limits: { depth: 2 } })).warnings.map((warning) => warning.code),
    ).toContain("TREE_TRUNCATED");
  });

  test("gives the same analysis each time, and quickly", async () => {
    const sources = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [
        `src/m${index % 20}/file${index}.js`,
        `export const a = ${index}; // ${"x".repeat(2000)}\n`,
      ]),
    );
    const root = await makeRepository({
      ...lockfiles.npm,
      ...sources,
      "package.json": { name: "a", scripts: { start: "node src/server.js" }, dependencies: { express: "5" } },
      "src/server.js": "app.listen(3000)",
    });
    const first = await analyzeRepository(root, { now });
    let fastest = Infinity;
    for (let round = 0; round < 5; round++) {
      const started = performance.now();
      expect(await analyzeRepository(root, { now })).toEqual(first);
      fastest = Math.min(fastest, performance.now() - started);
    }
    // The aim is 50 ms on a quiet machine; the bound only catches a change in kind.
    expect(fastest).toBeLessThan(500);
  });
});

describe("a module", () => {
  test("of TypeScript has a tsconfig or mostly such sources; a devDependency proves nothing", async () => {
    expect((await only({ "package.json": { devDependencies: { typescript: "5" } }, "index.js": "" })).language).toBe(
      "javascript",
    );
    expect((await only({ "package.json": {}, "tsconfig.json": {}, "index.js": "" })).language).toBe("typescript");
    expect(
      (await only({ "package.json": {}, "src/a.ts": "", "src/b.ts": "", "c.js": "", "vite.config.js": "" })).language,
    ).toBe("typescript");
    expect((await only({ "package.json": {}, "src/a.js": "", "types.d.ts": "", "vite.config.ts": "" })).language).toBe(
      "javascript",
    );
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
    expect((await only({ "package.json": manifest })).framework).toBe(framework);
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
    const found = await only({
      "package.json": { scripts: { ...scripts, start } },
      "server.js": "http.createServer().listen(3000)",
    });
    expect(found.startCommand).toBe(expected);
  });

  test("is started by its Procfile first, then scripts.start, then main, then a usual file", async () => {
    const manifest = { main: "m.js", scripts: { start: "node s.js" } };
    const files = { "m.js": "", "s.js": "", "p.js": "", "index.js": "" };
    expect(
      (await only({ ...files, "package.json": manifest, Procfile: "release: x\nweb: node p.js\n" })).startCommand,
    ).toBe("node p.js");
    expect((await only({ ...files, "package.json": manifest, Procfile: "worker: node p.js\n" })).startCommand).toBe(
      "node s.js",
    );
    expect((await only({ ...files, "package.json": { main: "m" } })).entrypoint).toBe("m.js");
    expect(await only({ ...files, "package.json": { main: "gone.js" } })).toMatchObject({
      entrypoint: "index.js",
      codes: expect.arrayContaining(["START_FILE_MISSING"]),
    });
    expect((await only({ "package.json": {}, "src/server.js": "" })).startCommand).toBe("node src/server.js");
    expect((await only({ "package.json": {} })).startCommand).toBe(null);
  });

  test("that serves only while one develops has no start command", async () => {
    for (const start of ["vite", "react-scripts start", "ng serve", "next dev", "webpack serve --open"]) {
      expect((await only({ "package.json": { scripts: { start } } })).startCommand).toBe(null);
    }
  });

  test("has its port from the start command, the code, a Dockerfile, the framework, then .env", async () => {
    const start = { scripts: { start: "node a.js" } };
    const code = { "a.js": "app.listen(process.env.PORT)" };
    expect(
      (
        await only({
          "package.json": { scripts: { start: "PORT=4000 node a.js" } },
          "a.js": "app.listen(process.env.PORT || 3000)",
        })
      ).ports,
    ).toEqual([{ port: 4000, source: "scripts.start of package.json" }]);
    expect(
      (await only({ "package.json": start, ...code, Dockerfile: "FROM x\nEXPOSE 7000/tcp\n", ".env": "PORT=6000" }))
        .ports,
    ).toEqual([{ port: 7000, source: "Dockerfile:2" }]);
    expect(
      (
        await only({
          "package.json": start,
          ...code,
          "compose.yaml": "services:\n  a:\n    build: .\n    ports: ['80:7100']\n",
        })
      ).ports,
    ).toEqual([{ port: 7100, source: "compose.yaml" }]);
    expect((await only({ "package.json": start, ...code, ".env.example": "# x\nPORT=6000\n" })).ports).toEqual([
      { port: 6000, source: ".env.example:2" },
    ]);
    expect(
      (await only({ "package.json": { dependencies: { next: "15" }, scripts: { start: "next start" } } })).ports,
    ).toEqual([{ port: 3000, source: "the default of next" }]);
    const unknown = await only({ "package.json": { ...start, dependencies: { express: "5" } }, ...code });
    expect(unknown).toMatchObject({ ports: [], codes: expect.arrayContaining(["PORT_UNKNOWN"]) });
  });

  test("whose Dockerfile exposes another port is warned of", async () => {
    const found = await only({
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
    expect((await only({ "package.json": {}, "index.js": "app.listen(3000, 'localhost')" })).codes).toContain(
      "LISTENS_ON_LOOPBACK",
    );
    expect(
      (await only({ "package.json": { dependencies: { fastify: "5" } }, "index.js": "fastify.listen({ port: 3000 })" }))
        .codes,
    ).toContain("LISTENS_ON_LOOPBACK");
    expect(
      (
        await only({
          "package.json": { dependencies: { fastify: "5" } },
          "index.js": "fastify.listen({ port: 3000, host: '0.0.0.0' })",
        })
      ).codes,
    ).not.toContain("LISTENS_ON_LOOPBACK");
    expect((await only({ "package.json": {}, "index.js": "app.listen(80)" })).codes).toContain("PORT_PRIVILEGED");
  });

  test.each([
    [{ scripts: { start: "node a.js" }, dependencies: { express: "5" } }, "server"],
    [{ scripts: { build: "vite build" }, devDependencies: { vite: "6" } }, "static"],
    [{ bin: { tool: "a.js" }, main: "a.js" }, "cli"],
    [{ main: "a.js" }, "unknown"],
  ])("%j is a %s", async (manifest, kind) => {
    expect((await only({ "package.json": manifest, "a.js": "" })).kind).toBe(kind);
  });

  test("with an index.html is still Node", async () => {
    expect(
      await only({
        "package.json": { dependencies: { express: "5" } },
        "index.js": "app.listen(1234)",
        "index.html": "",
      }),
    ).toMatchObject({ platform: "node", kind: "server" });
  });

  test("counts the dependencies that ship", async () => {
    expect(
      (
        await only({
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
    expect(await only({ "package.json": { scripts: { build: "docker build -t x ." } } })).toMatchObject({
      buildCommand: null,
      codes: expect.arrayContaining(["BUILD_COMMAND_SKIPPED"]),
    });
  });
});

test("existing Dockerfiles and compose files are listed, their ignore files are not", async () => {
  const { existing } = await analyze({
    "package.json": {},
    Dockerfile: "",
    "Dockerfile.dev": "",
    "Dockerfile.dockerignore": "",
    "docker/web.Dockerfile": "",
    Containerfile: "",
    "docker-compose.override.yml": "",
    "compose.yaml": "",
    "Dockerfile.md": "",
  });
  expect(existing).toEqual({
    dockerfiles: ["Containerfile", "Dockerfile", "Dockerfile.dev", "docker/web.Dockerfile"],
    composeFiles: ["compose.yaml", "docker-compose.override.yml"],
  });
});
