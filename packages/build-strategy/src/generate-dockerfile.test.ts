import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { DockerfileParser } from "dockerfile-ast";
import { describe, expect, test } from "vitest";
import { lockfiles, makeRepository, now } from "../test/make-repository.ts";
import type { Files } from "../test/make-repository.ts";
import { templateCases } from "../test/templates/index.ts";
import { analyzeRepository, generateDockerfile, scoreDockerfile, validateDockerfile } from "./index.ts";
import type { GenerateOptions } from "./index.ts";

describe.each(templateCases)("the template for $name", ({ files, module, has, lacks = [] }) => {
  test("says what it must, scores at least 85 and has no fault that a check knows", async () => {
    const root = await makeRepository(files);
    const generated = await generateDockerfile(root, { now, ...(module === undefined ? {} : { module }) });
    const { content } = generated.dockerfile;
    for (const part of has) expect(content).toContain(part);
    for (const part of lacks) expect(content).not.toContain(part);
    expect(generated.strategy.name).toBe("node-template");
    expect(generated.score).toBeGreaterThanOrEqual(85);
    const failed = generated.checks.filter((check) => !check.ok).map((check) => check.id);
    const expected = new Set(["digest-pin", "frozen-install", "lockfile", "signals", "manifests-first"]);
    expect(failed).toContain("digest-pin");
    expect(failed.filter((id) => !expected.has(id))).toEqual([]);
    const errors = validateDockerfile(content).findings.filter((finding) => finding.severity === "error");
    expect(errors).toEqual([]);
    for (const one of DockerfileParser.parse(content).getInstructions()) expect(one.getKeyword()).toMatch(/^[A-Z]+$/);
  });
});

const generate = async (files: Files, options: GenerateOptions = {}) =>
  generateDockerfile(await makeRepository(files), { now, ...options });
const server: Files = {
  ...lockfiles.npm,
  "package.json": { name: "a", scripts: { start: "node a.js" }, dependencies: { express: "5" } },
  "a.js": "process.on('SIGTERM', stop); app.listen(process.env.PORT ?? 3000); app.get('/healthz', ok);",
};

describe("generating", () => {
  test("writes nothing and gives the same each time, from a path or from an analysis", async () => {
    const root = await makeRepository(server);
    const first = await generateDockerfile(root, { now });
    expect(await generateDockerfile(await analyzeRepository(root, { now }), { now })).toEqual(first);
    expect((await readdir(root)).sort()).toEqual(["a.js", "package-lock.json", "package.json"]);
    const { content, sha256 } = first.dockerfile;
    expect(sha256).toBe(createHash("sha256").update(content).digest("hex"));
    expect(first.score).toBe(scoreDockerfile(content).score);
    expect(first.checks.filter((check) => !check.ok).map((check) => check.id)).toEqual(["digest-pin"]);
    expect(content).toContain("/healthz");
  });

  test("keeps the tag, invents no digest and says what to do", async () => {
    const { dockerfile, checks } = await generate(server);
    expect(dockerfile.content).not.toContain("sha256:");
    expect(checks.find((check) => check.id === "digest-pin")?.message).toContain("pin it with @sha256:");
  });

  test("follows the version and the base that are asked for", async () => {
    expect((await generate(server, { nodeVersion: "22" })).dockerfile.content).toContain("ARG NODE_IMAGE=node:22-slim");
    expect(
      (await generate(server, { baseImage: "registry.example.com:5000/node:24-alpine" })).dockerfile.content,
    ).toContain("ARG NODE_IMAGE=registry.example.com:5000/node:24-alpine\n");
    const native: Files = {
      ...server,
      "package.json": { name: "a", scripts: { start: "node a.js" }, dependencies: { bcrypt: "6" } },
    };
    expect((await generate(native, { baseImage: "node:24-alpine" })).dockerfile.content).toContain(
      "apk add g++ make python3",
    );
    for (const baseImage of ["node:24\nRUN id", "Node", "", "a b", "$X"])
      await expect(generate(server, { baseImage })).rejects.toMatchObject({ code: "INVALID_INPUT" });
    await expect(generate(server, { baseImage: "gcr.io/distroless/nodejs24" })).rejects.toMatchObject({
      code: "UNSUPPORTED",
    });
  });

  test("refuses what no template can do, with what was seen and a way out", async () => {
    const refusals: [Files, string][] = [
      [{ ...server, "package.json": "{ broken" }, "does not parse"],
      [
        {
          "package.json": {
            name: "app",
            dependencies: { expo: "52", "react-native": "0.76" },
            scripts: { start: "expo start" },
          },
        },
        "no strategy fits",
      ],
      [
        {
          "package.json": {
            name: "kit",
            scripts: { build: "vite build" },
            devDependencies: { "@sveltejs/kit": "2", vite: "6" },
          },
          "svelte.config.js": "import a from '@sveltejs/adapter-auto'",
        },
        "no strategy fits",
      ],
      [{ "rush.json": "{}", ...server }, "rush"],
    ];
    for (const [files, message] of refusals) {
      await expect(generate(files)).rejects.toMatchObject({
        code: "UNSUPPORTED",
        message: expect.stringContaining(message),
        remedy: expect.stringMatching(/\w+/),
        details: { seen: ["node"] },
      });
    }
    await expect(generate({ "go.mod": "" })).rejects.toMatchObject({ code: "UNSUPPORTED", details: { seen: ["go"] } });
    await expect(generate({})).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  test("refuses a workspace whose folders COPY cannot name", async () => {
    const files: Files = {
      ...lockfiles.npm,
      "package.json": { workspaces: ["p/*"] },
      "p/a$b/package.json": { name: "x" },
      "p/api/package.json": { name: "api", scripts: { start: "node a.js" } },
    };
    await expect(generate(files, { module: "p/api" })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("a$b"),
    });
  });

  test("puts a module that stands alone into its own folder, and a workspace's member beside its own rules", async () => {
    const alone = await generate({
      "api/package.json": { name: "api", scripts: { start: "node a.js" } },
      "api/a.js": "",
    });
    expect(alone).toMatchObject({
      module: "api",
      context: "api",
      dockerfile: { path: "api/Dockerfile" },
      dockerignore: { path: "api/.dockerignore" },
    });
    const member = await generate(
      {
        ...lockfiles.npm,
        "package.json": { workspaces: ["api"] },
        "api/package.json": { name: "api", scripts: { start: "node a.js" } },
        "api/a.js": "",
      },
      { module: "api" },
    );
    expect(member).toMatchObject({
      context: ".",
      dockerfile: { path: "api/Dockerfile" },
      dockerignore: { path: "api/Dockerfile.dockerignore" },
    });
  });

  test("never bakes a secret of the start script into the image", async () => {
    const { dockerfile } = await generate({
      ...server,
      "package.json": { name: "a", scripts: { start: "API_TOKEN=hunter2 MODE=x node a.js" } },
    });
    expect(dockerfile.content).not.toContain("hunter2");
    expect(dockerfile.content).toContain("MODE=x");
  });

  test("says that a program which ignores SIGTERM stops late", async () => {
    const { checks } = await generate({ ...server, "a.js": "app.listen(3000)" });
    expect(checks.find((check) => check.id === "signals")).toMatchObject({
      ok: false,
      message: expect.stringContaining("SIGTERM"),
    });
  });

  test("exposes every port that the code opens", async () => {
    const { dockerfile } = await generate({ ...server, "b.js": "metrics.listen(9090)" });
    expect(dockerfile.content).toContain("EXPOSE 3000 9090");
  });

  test("says what stays outside", async () => {
    const { warnings, dockerignore } = await generate({
      ...server,
      ".env": "A=1",
      "certs/tls.key": "",
      ".env.example": "",
    });
    expect(warnings).toContainEqual(
      expect.objectContaining({ code: "ENV_FILE_LEFT_OUT", message: expect.stringContaining(".env, certs/tls.key") }),
    );
    for (const line of [
      ".git",
      "**/.env",
      "**/.env.*",
      "**/node_modules",
      "**/Dockerfile*",
      "**/*.key",
      "**/.npmrc",
      "coverage",
      "**/*.log",
    ])
      expect(dockerignore.content.split("\n")).toContain(line);
  });
});

describe("the .dockerignore", () => {
  test("leaves out what the build writes, and keeps it where nothing is built", async () => {
    const built = await generate({
      ...lockfiles.npm,
      "package.json": { scripts: { build: "tsc", start: "node dist/a.js" } },
      "tsconfig.json": { compilerOptions: { outDir: "dist" } },
      "src/a.ts": "",
    });
    expect(built.dockerignore.content.split("\n")).toContain("dist");
    const committed = await generate({
      ...lockfiles.npm,
      "package.json": { scripts: { start: "node dist/a.js" } },
      "dist/a.js": "",
    });
    expect(committed.dockerignore.content.split("\n")).not.toContain("dist");
    expect(committed.checks.find((check) => check.id === "start-file")?.ok).toBe(true);
  });

  test("that exists is kept as it is, and what it lacks or hides is said", async () => {
    const { dockerignore, warnings, checks } = await generate({ ...server, ".dockerignore": "package-lock.json\n" });
    expect(dockerignore).toEqual({ path: ".dockerignore", content: "package-lock.json\n" });
    expect(warnings).toContainEqual(
      expect.objectContaining({
        code: "DOCKERIGNORE_WEAK",
        message: expect.stringContaining(".git, .env, node_modules"),
      }),
    );
    expect(checks.find((check) => check.id === "copy-sources")).toMatchObject({
      ok: false,
      message: expect.stringContaining("package-lock.json: is left out"),
    });
  });

  test("keeps .npmrc when the Dockerfile copies it", async () => {
    const { dockerignore } = await generate({ ...server, ".npmrc": "save-exact=true\n" });
    expect(dockerignore.content).not.toContain(".npmrc");
  });
});

describe("an existing Dockerfile", () => {
  const own =
    "FROM node:24-slim\nCOPY --chown=1:1 server .env* ./\nHEALTHCHECK CMD curl -f http://localhost/\nCMD node a.js\n";

  test("is returned as it is with its score, and the ignore file is a proposal that hides nothing it copies", async () => {
    const { dockerfile, dockerignore, score, strategy, checks } = await generate({
      ...server,
      Dockerfile: "FROM node:24-slim\nCOPY dist .env ./\n",
      "dist/x": "",
      ".env": "",
    });
    expect(strategy.name).toBe("existing-dockerfile");
    expect(dockerfile.path).toBe("Dockerfile");
    expect(score).toBe(scoreDockerfile(dockerfile.content).score);
    expect(dockerignore.content.split("\n")).not.toContain("**/.env");
    expect(checks.find((check) => check.id === "copy-sources")?.ok).toBe(true);
    expect(checks.find((check) => check.id === "valid")?.ok).toBe(true);
  });

  test("is checked against the tree: sources that are missing, a health tool that is not in the image", async () => {
    const { checks } = await generate({ ...server, Dockerfile: own });
    expect(checks.find((check) => check.id === "copy-sources")).toMatchObject({
      ok: false,
      message: expect.stringContaining("server"),
    });
    expect(checks.find((check) => check.id === "healthcheck-tool")).toMatchObject({
      ok: false,
      message: expect.stringContaining("curl"),
    });
  });

  test("that no builder accepts scores 0 and says where", async () => {
    const { score, checks } = await generate({ ...server, Dockerfile: "RUNN x\n" });
    expect(score).toBe(0);
    expect(checks.find((check) => check.id === "valid")).toMatchObject({ ok: false });
  });

  test("in a docker folder is built in the folder that its COPY lines fit", async () => {
    const generated = await generate({ ...server, "docker/Dockerfile": "FROM a\nCOPY package.json a.js ./\n" });
    expect(generated).toMatchObject({ context: ".", dockerfile: { path: "docker/Dockerfile" } });
  });

  test("with its own ignore file uses that one", async () => {
    const { dockerignore } = await generate({
      ...server,
      Dockerfile: "FROM a\n",
      "Dockerfile.dockerignore": "x\n",
      ".dockerignore": "y\n",
    });
    expect(dockerignore).toEqual({ path: "Dockerfile.dockerignore", content: "x\n" });
  });

  test("gives way when the template is asked for", async () => {
    const { strategy, dockerfile } = await generate({ ...server, Dockerfile: own }, { strategy: "node-template" });
    expect(strategy).toMatchObject({ name: "node-template", runnerUp: { name: "existing-dockerfile" } });
    expect(dockerfile.content).toContain("npm ci");
  });
});
