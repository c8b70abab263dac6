import { describe, expect, test } from "vitest";
import { makeRepository, now } from "../../test/make-repository.ts";
import type { Files } from "../../test/make-repository.ts";
import { analyzeRepository } from "../index.ts";

async function version(
  files: Files,
  nodeVersion?: string,
): Promise<{ value: string; source: string; codes: string[] }> {
  const root = await makeRepository({ "package.json": {}, ...files });
  const { modules, warnings } = await analyzeRepository(root, {
    now,
    ...(nodeVersion === undefined ? {} : { nodeVersion }),
  });
  return {
    value: "",
    source: "",
    ...modules[0]?.languageVersion,
    codes: warnings.map((warning) => warning.code).filter((code) => code.startsWith("VERSION")),
  };
}

const engines = (node: string): Files => ({ "package.json": { engines: { node } } });

describe("the version", () => {
  test.each<[string, Files, string, string]>([
    ["the default", {}, "24", "default"],
    ["a range", engines(">=20"), "24", "engines.node of package.json (>=20)"],
    ["a caret", engines("^22.3.0"), "22", "engines.node"],
    ["a choice", engines("18 || 22"), "22", "engines.node"],
    ["an exact version", engines("22.11.0"), "22.11.0", "engines.node"],
    ["a line that is not known yet", engines(">=30"), "30", "engines.node"],
    [".nvmrc", { ".nvmrc": "v22\n" }, "22", ".nvmrc"],
    [".nvmrc with a comment line", { ".nvmrc": "# ours\n\n22.1.0 # pinned\n" }, "22.1.0", ".nvmrc"],
    [".nvmrc lts/jod", { ".nvmrc": "lts/jod" }, "22", ".nvmrc"],
    [".nvmrc lts/*", { ".nvmrc": "lts/*" }, "24", ".nvmrc"],
    [".nvmrc lts/-1", { ".nvmrc": "lts/-1" }, "22", ".nvmrc"],
    [".nvmrc node", { ".nvmrc": "node" }, "24", ".nvmrc"],
    [".node-version", { ".node-version": "22.9.0" }, "22.9.0", ".node-version"],
    [".tool-versions", { ".tool-versions": "python 3.12\nnodejs 22.4.0 # x\n" }, "22.4.0", ".tool-versions"],
    ["mise.toml", { "mise.toml": '[env]\nnode = "1"\n[tools]\nnode = ["22", "20"]\n' }, "22", "mise.toml"],
    ["volta", { "package.json": { volta: { node: "22.0.0" } } }, "22.0.0", "volta.node"],
  ])("from %s", async (_, files, value, source) => {
    const found = await version(files);
    expect(found).toMatchObject({ value, codes: [] });
    expect(found.source).toContain(source);
  });

  test("from the option wins over everything", async () => {
    expect(await version({ ...engines("22"), ".nvmrc": "24" }, "20")).toMatchObject({
      value: "20",
      source: expect.stringContaining("option"),
      codes: ["VERSION_END_OF_LIFE"],
    });
    await expect(version({}, "banana")).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  test("of a range is narrowed by a file that lies inside it", async () => {
    expect(await version({ ...engines(">=18"), ".nvmrc": "22.5.0" })).toMatchObject({
      value: "22.5.0",
      source: expect.stringMatching(/engines\.node.*narrowed by \.nvmrc/),
      codes: [],
    });
  });

  test("that two sources disagree on is warned of, and the first is followed", async () => {
    expect(await version({ ...engines("22.x"), ".nvmrc": "24" })).toMatchObject({
      value: "22",
      codes: ["VERSION_DISAGREES"],
    });
  });

  test("that has ended is warned of", async () => {
    for (const ended of ["14", "16.x", "lts/iron", "19"])
      expect((await version({ ".nvmrc": ended })).codes).toEqual(["VERSION_END_OF_LIFE"]);
  });

  test.each(["lts/nonsense", "banana", "v", "x".repeat(500), "22 || "])(
    "that is %j is warned of or read, never fatal",
    async (text) => {
      const found = await version({ ".nvmrc": text });
      expect(found.value).toMatch(/^\d+$/);
    },
  );
});
