import { mkdir, readFile, readdir, readlink, symlink } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lockfiles, makeRepository, now } from "../test/make-repository.ts";
import { generateDockerfile, nameForKept, writeDockerfile } from "./index.ts";

const application = { ...lockfiles.npm, "package.json": { name: "a", main: "a.js" }, "a.js": "" };
const files = {
  dockerfile: { path: "Dockerfile", content: "FROM a\n", sha256: "" },
  dockerignore: { path: ".dockerignore", content: ".git\n" },
};

test("both files are written, and a second time nothing is", async () => {
  const root = await makeRepository({});
  expect(await writeDockerfile(root, files)).toEqual({
    written: [
      { path: "Dockerfile", bytes: 7, replaced: false },
      { path: ".dockerignore", bytes: 5, replaced: false },
    ],
    unchanged: [],
    kept: null,
  });
  expect(await readFile(join(root, "Dockerfile"), "utf8")).toBe("FROM a\n");
  expect(await writeDockerfile(root, files)).toEqual({
    written: [],
    unchanged: ["Dockerfile", ".dockerignore"],
    kept: null,
  });
  expect((await readdir(root)).sort()).toEqual([".dockerignore", "Dockerfile"]);
});

test("another content is a CONFLICT that changes nothing, also when only the second file is in the way", async () => {
  const root = await makeRepository({ ".dockerignore": "mine\n" });
  await expect(writeDockerfile(root, files)).rejects.toMatchObject({
    code: "CONFLICT",
    details: { paths: [".dockerignore"] },
    remedy: expect.stringContaining("overwrite"),
  });
  expect(await readdir(root)).toEqual([".dockerignore"]);
  expect(await writeDockerfile(root, files, { overwrite: true })).toMatchObject({
    written: [{ replaced: false }, { path: ".dockerignore", replaced: true }],
  });
  expect(await readFile(join(root, ".dockerignore"), "utf8")).toBe(".git\n");
});

test("a Dockerfile that is replaced stays beside, under a name that nobody has", async () => {
  const root = await makeRepository({ Dockerfile: "FROM mine\n" });
  const replace = async (content: string) => {
    const next = { ...files, dockerfile: { ...files.dockerfile, content } };
    return (await writeDockerfile(root, next, { overwrite: true, keepAs: await nameForKept(root, next) })).kept;
  };
  expect(await replace("FROM a\n")).toBe("Dockerfile.bak");
  expect(await replace("FROM a\n")).toBeNull();
  expect(await replace("FROM b\n")).toBe("Dockerfile.2.bak");
  const contents = ["Dockerfile", "Dockerfile.bak", "Dockerfile.2.bak"].map((name) =>
    readFile(join(root, name), "utf8"),
  );
  expect(await Promise.all(contents)).toEqual(["FROM b\n", "FROM mine\n", "FROM a\n"]);
  const taken = writeDockerfile(root, files, { overwrite: true, keepAs: "Dockerfile.bak" });
  await expect(taken).rejects.toMatchObject({ code: "CONFLICT" });
  expect(await readFile(join(root, "Dockerfile"), "utf8")).toBe("FROM b\n");
  // What is kept is no Dockerfile of the repository's.
  const again = await generateDockerfile(await makeRepository({ "Dockerfile.2.bak": "FROM a\n", ...application }), {
    now,
  });
  expect(again.strategy.name).toBe("node-template");
});

test("a symbolic link is never followed out of the root", async () => {
  const outside = await makeRepository({ "target.txt": "untouched", "folder/x": "" });
  const root = await makeRepository({});
  await symlink(join(outside, "target.txt"), join(root, "Dockerfile"));
  await expect(writeDockerfile(root, files)).rejects.toMatchObject({ code: "CONFLICT" });
  await writeDockerfile(root, files, { overwrite: true });
  expect(await readFile(join(outside, "target.txt"), "utf8")).toBe("untouched");
  await expect(readlink(join(root, "Dockerfile"))).rejects.toThrow("EINVAL");

  await symlink(join(outside, "folder"), join(root, "api"));
  const nested = { ...files, dockerfile: { ...files.dockerfile, path: "api/Dockerfile" } };
  await expect(writeDockerfile(root, nested, { overwrite: true })).rejects.toMatchObject({ code: "INVALID_INPUT" });
  expect(await readdir(join(outside, "folder"))).toEqual(["x"]);
});

test("a path that leads out, and a folder in the way or missing, are refused", async () => {
  const root = await makeRepository({});
  for (const path of ["../Dockerfile", "/tmp/Dockerfile", ".", "a/../../Dockerfile", "a\0b"]) {
    await expect(writeDockerfile(root, { ...files, dockerfile: { ...files.dockerfile, path } })).rejects.toMatchObject({
      code: "INVALID_INPUT",
    });
  }
  await expect(
    writeDockerfile(root, { ...files, dockerfile: { ...files.dockerfile, path: "api/Dockerfile" } }),
  ).rejects.toMatchObject({ code: "NOT_FOUND" });
  await mkdir(join(root, "Dockerfile"));
  await expect(writeDockerfile(root, files, { overwrite: true })).rejects.toMatchObject({ code: "CONFLICT" });
  await expect(writeDockerfile(join(root, "nothing"), files)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("what was generated and written is found again as the repository's own", async () => {
  const root = await makeRepository(application);
  const generated = await generateDockerfile(root, { now });
  await writeDockerfile(root, generated);
  const again = await generateDockerfile(root, { now });
  expect(again).toMatchObject({
    strategy: { name: "existing-dockerfile" },
    dockerfile: generated.dockerfile,
    dockerignore: generated.dockerignore,
  });
  expect(await writeDockerfile(root, again)).toMatchObject({ written: [] });
});
