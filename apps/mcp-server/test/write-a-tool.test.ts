/** docs/guides/write-a-tool.md, followed literally: each file is made, each command run, each line of output looked for. */
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { spawnServer } from "@container-kit/testkit";
import { pack, zodFolder } from "./packed.ts";

const run = promisify(execFile);
const cli = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const guide = fileURLToPath(new URL("../../../docs/guides/write-a-tool.md", import.meta.url));

interface Block {
  readonly language: string;
  readonly content: string;
}

async function blocks(): Promise<readonly Block[]> {
  const text = await readFile(guide, "utf8");
  return [...text.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, language = "", content = ""]) => ({ language, content }));
}

test("the guide leads from an empty folder to a tool that the server serves", { timeout: 180_000 }, async () => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "write-a-tool-")));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [zod = ""] = await pack([await zodFolder()], join(folder, "packed"));
  const bin = join(folder, "bin");
  await mkdir(bin);
  await writeFile(join(bin, "container-kit"), `#!/bin/sh\nexec "${process.execPath}" "${cli}" "$@"\n`);
  await chmod(join(bin, "container-kit"), 0o755);
  const environment = {
    HOME: folder,
    PATH: [bin, dirname(process.execPath), process.env["PATH"]].join(delimiter),
    npm_config_offline: "true",
    npm_config_update_notifier: "false",
  };

  // One shell's place goes on in the next block, as it does for a reader.
  let place = folder;
  let output = "";
  const seen = { sh: 0, js: 0, text: 0 };
  for (const { language, content } of await blocks()) {
    if (language === "sh") {
      // No test waits for a registry: the one package comes from an archive.
      const script = content.replace("npm install zod", `npm install ${zod}`);
      const { stdout, stderr } = await run("bash", ["-ec", `${script}\npwd > "${folder}/place"`], {
        cwd: place,
        env: environment,
      });
      output = stdout + stderr;
      place = (await readFile(join(folder, "place"), "utf8")).trim();
    } else if (language === "js") {
      const [, name = ""] = /^\/\/ (\S+)\n/.exec(content) ?? [];
      await writeFile(join(place, name), content);
    } else {
      expect(language).toBe("text");
      for (const line of content.trimEnd().split("\n")) expect(output).toContain(line.trim());
    }
    seen[language as keyof typeof seen] += 1;
  }
  expect(seen).toEqual({ sh: 8, js: 2, text: 7 });

  // What the tests' own engine is configured with is not the reader's.
  const server = await spawnServer({ cli, env: { ...environment, CONTAINER_KIT_CONFIG: "" }, cwd: folder });
  try {
    const called = await server.client.callTool({ name: "count_words", arguments: { text: "one two three four" } });
    expect(called.structuredContent).toEqual(expect.objectContaining({ ok: true, result: { words: 4 } }));
    expect(server.impurities()).toEqual([]);
  } finally {
    await server.close();
  }
});
