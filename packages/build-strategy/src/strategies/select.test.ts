import { expect, test } from "vitest";
import { lockfiles, makeRepository, now } from "../../test/make-repository.ts";
import type { Files } from "../../test/make-repository.ts";
import { generateDockerfile, selectStrategy, surveyRepository, validateDockerfile } from "../index.ts";

const survey = async (files: Files) => surveyRepository(await makeRepository(files), { now });
const server: Files = {
  ...lockfiles.npm,
  "package.json": { name: "a", scripts: { start: "node a.js" } },
  "a.js": "http.createServer().listen(3000)",
};

test("an existing Dockerfile wins over the template, and the template is the runner-up with its reasons", async () => {
  const chosen = selectStrategy(await survey({ ...server, Dockerfile: "FROM node:24-slim\n" }));
  expect(chosen).toMatchObject({
    name: "existing-dockerfile",
    score: 100,
    runnerUp: { name: "node-template", score: 80 },
  });
  expect(chosen.reasons[0]).toContain("Dockerfile");
  expect(chosen.runnerUp?.reasons.length).toBeGreaterThan(0);
});

test("without one the template wins, and says why the other lost", async () => {
  expect(selectStrategy(await survey(server))).toMatchObject({
    name: "node-template",
    score: 80,
    runnerUp: { name: "existing-dockerfile", score: 0, reasons: ["The repository has no Dockerfile."] },
  });
});

test("a Dockerfile for development is not taken, and named", async () => {
  const chosen = selectStrategy(await survey({ ...server, "Dockerfile.dev": "FROM a\n" }));
  expect(chosen).toMatchObject({
    name: "node-template",
    runnerUp: { reasons: [expect.stringContaining("Dockerfile.dev")] },
  });
});

test("no platform is needed where there is a Dockerfile", async () => {
  const files: Files = { "go.mod": "", "main.go": "", Dockerfile: "FROM golang:1.23\nCOPY . .\n" };
  expect(selectStrategy(await survey(files))).toMatchObject({ name: "existing-dockerfile" });
  const generated = await generateDockerfile(await makeRepository(files));
  expect(generated).toMatchObject({
    module: null,
    strategy: { name: "existing-dockerfile" },
    dockerfile: { path: "Dockerfile", content: files["Dockerfile"] },
  });
});

test("a strategy can be asked for, by a name that exists and that fits", async () => {
  const analysis = await survey({ ...server, Dockerfile: "FROM a\n" });
  expect(selectStrategy(analysis, { strategy: "node-template" })).toMatchObject({
    name: "node-template",
    reasons: expect.arrayContaining(["It was asked for."]),
  });
  expect(() => selectStrategy(analysis, { strategy: "magic" })).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT" }),
  );
  const bare = await survey(server);
  expect(() => selectStrategy(bare, { strategy: "existing-dockerfile" })).toThrow(
    expect.objectContaining({ code: "UNSUPPORTED" }),
  );
});

test("a new Dockerfile can be asked for without naming its strategy, also where the one that is there is broken", async () => {
  const broken = { ...server, Dockerfile: "FRM node\nRUN [" };
  const analysis = await survey(broken);
  expect(selectStrategy(analysis, { strategy: "template" })).toMatchObject({
    name: "node-template",
    reasons: expect.arrayContaining(["A new Dockerfile was asked for."]),
    runnerUp: { name: "existing-dockerfile" },
  });
  const generated = await generateDockerfile(await makeRepository(broken), { strategy: "template", now });
  expect(generated).toMatchObject({ dockerfile: { path: "Dockerfile", content: expect.stringContaining("FROM") } });
  expect(validateDockerfile(generated.dockerfile.content).valid).toBe(true);
  for (const strategy of ["template", "node-template"]) {
    const foreign = await makeRepository({ "go.mod": "", Dockerfile: "FROM golang:1.23\n" });
    await expect(generateDockerfile(foreign, { strategy })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  }
  const library = await survey({ "package.json": { name: "library" }, Dockerfile: "FROM a\n" });
  expect(() => selectStrategy(library, { strategy: "template" })).toThrow(
    expect.objectContaining({ code: "UNSUPPORTED", remedy: expect.stringContaining("start script") }),
  );
});

test("several modules that run must be told apart", async () => {
  const analysis = await survey({
    "a/package.json": { name: "a", scripts: { start: "node a.js" } },
    "b/package.json": { name: "b", scripts: { start: "node b.js" } },
  });
  expect(() => selectStrategy(analysis)).toThrow(
    expect.objectContaining({ code: "INVALID_INPUT", remedy: expect.stringContaining("a, b") }),
  );
  expect(selectStrategy(analysis, { module: "b" })).toMatchObject({ name: "node-template" });
  expect(() => selectStrategy(analysis, { module: "c" })).toThrow(expect.objectContaining({ code: "NOT_FOUND" }));
});

test("nothing to run is UNSUPPORTED with a way out", async () => {
  const analysis = await survey({ "package.json": { name: "library" }, "lib/a.js": "" });
  expect(() => selectStrategy(analysis)).toThrow(
    expect.objectContaining({ code: "UNSUPPORTED", remedy: expect.stringContaining("start script") }),
  );
});

test("a module's own Dockerfile is its own; the root's is not taken for it", async () => {
  const analysis = await survey({
    Dockerfile: "FROM root\n",
    "package.json": { name: "r" },
    "a/Dockerfile": "FROM a\n",
    "a/package.json": { name: "a" },
    "b/package.json": { name: "b", scripts: { start: "node b.js" } },
  });
  expect(selectStrategy(analysis, { module: "a" }).reasons[0]).toContain("a/Dockerfile");
  expect(selectStrategy(analysis, { module: "b" }).name).toBe("node-template");
});
