import { DockerfileParser } from "dockerfile-ast";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { makeRepository, now } from "../../test/make-repository.ts";
import { generateDockerfile } from "../index.ts";
import { pairsOf, readDockerfile } from "../quality/model.ts";
import { copy, execForm, isCopyable, oneLine, quoted, run, shellWord } from "./text.ts";

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      "\n",
      "\r",
      "\\",
      '"',
      "'",
      "$",
      "{",
      "}",
      "`",
      "#",
      "\u2028",
      "\u2029",
      "\u0085",
      "\0",
      "\t",
      " ",
      "<<EOF",
      "\nRUN id\n",
      "\\\n",
      "${PATH}",
      "$(id)",
      "\nFROM scratch\n",
    ),
    fc.string({ maxLength: 3 }),
  ),
  maxLength: 40,
});

const keywords = (content: string): string[] =>
  DockerfileParser.parse(content)
    .getInstructions()
    .map((one) => one.getKeyword());

test("a quoted value is one word that says the same, whatever is in it", () => {
  fc.assert(
    fc.property(hostile, (value) => {
      const content = `FROM a\nLABEL x=${quoted(value)} y=z\nUSER 1\n`;
      expect(keywords(content)).toEqual(["FROM", "LABEL", "USER"]);
      const label = readDockerfile(content).instructions[1];
      expect(label === undefined ? [] : pairsOf(label)).toEqual([
        ["x", oneLine(value)],
        ["y", "z"],
      ]);
    }),
    { numRuns: 3000 },
  );
});

test("an exec form is one instruction with the same words", () => {
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 1, maxLength: 4 }), (argv) => {
      const content = `FROM a\nCMD ${execForm(argv)}\nUSER 1\n`;
      expect(keywords(content)).toEqual(["FROM", "CMD", "USER"]);
      expect(JSON.parse(readDockerfile(content).instructions[1]?.text ?? "")).toEqual(argv);
    }),
    { numRuns: 1000 },
  );
});

test("hostile manifests never add an instruction and never change the base", async () => {
  const root = await makeRepository({ "index.js": "http.createServer().listen(3000)", "package.json": {} });
  const { writeFile } = await import("node:fs/promises");
  const plain = await generateDockerfile(root, { now });
  const expected = keywords(plain.dockerfile.content);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        name: hostile,
        version: hostile,
        description: hostile,
        license: hostile,
        repository: hostile,
        author: hostile,
        type: hostile,
      }),
      async (fields) => {
        await writeFile(`${root}/package.json`, JSON.stringify(fields));
        const { content } = (await generateDockerfile(root, { now })).dockerfile;
        expect(keywords(content)).toEqual(expected);
        expect(content.split("\n").filter((line) => line.startsWith("FROM"))).toEqual([
          "FROM ${NODE_IMAGE} AS dependencies",
          "FROM ${NODE_IMAGE} AS runtime",
        ]);
      },
    ),
    { numRuns: 150 },
  );
});

test("hostile start scripts, build scripts and versions never add an instruction", async () => {
  const root = await makeRepository({ "index.js": "http.createServer().listen(3000)", "package.json": {} });
  const { writeFile } = await import("node:fs/promises");
  const allowed = /^(ARG|FROM|WORKDIR|ENV|COPY|RUN|USER|EXPOSE|HEALTHCHECK|LABEL|CMD|ENTRYPOINT)$/;
  await fc.assert(
    fc.asyncProperty(hostile, hostile, hostile, hostile, async (start, build, packageManager, node) => {
      await writeFile(
        `${root}/package.json`,
        JSON.stringify({
          scripts: { start, build },
          packageManager: `pnpm@${packageManager}`,
          engines: { node },
          bin: { [start]: build },
        }),
      );
      const { content } = (await generateDockerfile(root, { now })).dockerfile;
      const found = keywords(content);
      expect(found.every((keyword) => allowed.test(keyword))).toBe(true);
      expect(found.filter((keyword) => keyword === "FROM").length).toBeLessThanOrEqual(4);
      expect(content).not.toMatch(/^\s*RUN id/m);
      expect(content.split("\n").filter((line) => /^ARG \w+_IMAGE=/.test(line))).toEqual([
        expect.stringMatching(/^ARG NODE_IMAGE=node:\d+-slim$/),
      ]);
    }),
    { numRuns: 150 },
  );
});

test("a path that COPY would expand or match is refused", () => {
  for (const path of ["a$b", "a*b", "a[b]", "a?b", "a\nb", "a\\b", '"a"', "--from=x", "http://x", "a\u2028b"]) {
    expect(isCopyable(path)).toBe(false);
    expect(() => copy([path], "./")).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  }
  expect(copy(["my file", "b"], "./", { from: "x", chown: "1:1" })).toBe(
    'COPY --from=x --chown=1:1 ["my file","b","./"]',
  );
  expect(copy(["@scope/a+b=c,d"], "./")).toBe("COPY @scope/a+b=c,d ./");
});

test("a shell word is quoted unless it is plain", () => {
  expect(shellWord("build:prod")).toBe("build:prod");
  expect(shellWord("a'b; $(id)\n")).toBe("'a'\\''b; $(id)'");
  expect(run(["type=cache,target=/x"], ["a", "b"])).toBe("RUN --mount=type=cache,target=/x \\\n    a \\\n && b");
  expect(run([], ["a"])).toBe("RUN a");
});
