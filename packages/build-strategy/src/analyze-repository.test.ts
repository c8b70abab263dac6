import { mkdir, symlink, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { analyze, analyzeOne } from "../test/analyze.ts";
import { lockfiles, makeRepository, now } from "../test/make-repository.ts";
import type { Files } from "../test/make-repository.ts";
import { analyzeRepository, surveyRepository } from "./index.ts";

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
    expect((await analyzeOne(files, { module: "web" })).path).toBe("web");
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
    const found = await analyzeOne({
      "package.json": '{ "name": "a", "scripts": { "start": "node b.js", }, }',
      "b.js": "",
    });
    expect(found).toMatchObject({
      name: "a",
      startCommand: "node b.js",
      codes: expect.arrayContaining(["MANIFEST_INVALID"]),
    });
  });

  test("that is no JSON at all still makes the folder a Node module", async () => {
    const found = await analyzeOne({
      "package.json": "{{{{",
      "index.js": "require('http').createServer().listen(3000)",
    });
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
    expect((await analyzeOne({ "package.json": text })).platform).toBe("node");
  });

  test("with a byte order mark is read", async () => {
    expect((await analyzeOne({ "package.json": '\uFEFF{"name":"bom"}' })).name).toBe("bom");
  });

  test("in JSON5 or YAML is read, and belongs to pnpm", async () => {
    expect(
      await analyzeOne({ "package.json5": "{ name: 'five', main: 'main.js', // yes\n}", "main.js": "" }),
    ).toMatchObject({
      name: "five",
      packageManager: "pnpm",
      startCommand: "node main.js",
    });
    expect(await analyzeOne({ "package.yaml": "name: y\nscripts:\n  start: node a.js\n" })).toMatchObject({
      name: "y",
      packageManager: "pnpm",
    });
  });

  test("larger than a megabyte is a warning", async () => {
    const found = await analyzeOne({ "package.json": `{"name":"a","x":"${"y".repeat(1024 * 1024)}"}` });
    expect(found.codes).toEqual(expect.arrayContaining(["FILE_TOO_LARGE", "MANIFEST_INVALID"]));
  });

  test("after a hundred files and deep in the tree is found", async () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`a${index}.txt`, ""]));
    const found = await analyzeOne({ ...many, "x/y/z/u/v/w/package.json": { name: "deep" } });
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
