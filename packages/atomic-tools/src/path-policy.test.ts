import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPathPolicy } from "./path-policy.ts";

let base: string;

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "paths-")));
  await mkdir(join(base, "inside", "deep"), { recursive: true });
  await mkdir(join(base, "outside"));
  await writeFile(join(base, "outside", "file"), "x");
  await symlink(join(base, "outside"), join(base, "inside", "way-out"));
  await symlink(join(base, "inside"), join(base, "way-in"));
});

afterAll(() => rm(base, { recursive: true, force: true }));

describe("with roots", () => {
  const policy = () => createPathPolicy({ roots: [join(base, "inside")], base });

  test.each(["inside", "inside/deep", "./inside/../inside/deep", "way-in/deep"])(
    "%s is allowed and comes back without links",
    async (path) => {
      expect(await policy().resolve(path)).toBe(await realpath(join(base, path)));
    },
  );

  test.each(["outside", "inside/way-out", "inside/way-out/file", "..", "/etc", "/", "inside/../outside", "inside-not"])(
    "%s is refused with the roots",
    async (path) => {
      await expect(policy().resolve(path)).rejects.toMatchObject({
        code: "PATH_DENIED",
        details: { roots: [join(base, "inside")] },
      });
    },
  );

  test("what does not exist is told only inside the roots", async () => {
    await expect(policy().resolve("inside/nothing/here")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(policy().resolve("outside/nothing")).rejects.toMatchObject({ code: "PATH_DENIED" });
    await expect(policy().resolve("inside/way-out/nothing")).rejects.toMatchObject({ code: "PATH_DENIED" });
  });
});

test("without roots everything is refused, and the remedy is --root", async () => {
  await expect(createPathPolicy({ base }).resolve("inside")).rejects.toMatchObject({
    code: "PATH_DENIED",
    remedy: expect.stringContaining("--root"),
  });
});

describe("at a terminal", () => {
  test("an ordinary folder is allowed", async () => {
    expect(await createPathPolicy({ terminal: true, base }).resolve("outside")).toBe(join(base, "outside"));
  });

  test.each(["/", "/etc", "/etc/ssl", "/proc/self", "/dev"])("%s is refused", async (path) => {
    await expect(createPathPolicy({ terminal: true, base }).resolve(path)).rejects.toMatchObject({
      code: "PATH_DENIED",
    });
  });

  test("the home folder's secrets are refused, also through the home folder itself", async () => {
    await mkdir(join(base, "home", ".ssh"), { recursive: true });
    await mkdir(join(base, "home", "project"), { recursive: true });
    const policy = createPathPolicy({ terminal: true, base, home: join(base, "home") });
    await expect(policy.resolve("home/.ssh")).rejects.toMatchObject({ code: "PATH_DENIED" });
    await expect(policy.resolve("home")).rejects.toMatchObject({ code: "PATH_DENIED" });
    expect(await policy.resolve("home/project")).toBe(join(base, "home", "project"));
  });

  test("a root that is named allows what is refused otherwise", async () => {
    expect(await createPathPolicy({ terminal: true, roots: ["/etc"], base }).resolve("/etc")).toBe("/etc");
  });
});
