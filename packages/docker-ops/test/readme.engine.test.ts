/** The README's examples, run as they stand by a project that has installed the packed package and nothing else. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { describeWithEngine } from "@container-kit/testkit";

const run = promisify(execFile);
const packages = fileURLToPath(new URL("../../", import.meta.url));
const readme = fileURLToPath(new URL("../README.md", import.meta.url));

/** Every `js` block, in order; what several of them import is imported once. */
async function examples(): Promise<string> {
  const text = await readFile(readme, "utf8");
  return [...text.matchAll(/```js\n(.*?)```/gs)].map(([, code = ""]) => code).join("\n");
}

async function installPacked(folder: string): Promise<void> {
  for (const name of ["errors", "observability", "docker-ops"]) {
    await run("pnpm", ["pack", "--pack-destination", folder], { cwd: join(packages, name), env: withPnpm() });
  }
  const archives = (await readdir(folder)).filter((file) => file.endsWith(".tgz")).map((file) => join(folder, file));
  expect(archives).toHaveLength(3);
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "user", type: "module", private: true }));
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...archives], { cwd: folder });
}

/** pnpm is a development dependency of the workspace. */
function withPnpm(): NodeJS.ProcessEnv {
  const bin = fileURLToPath(new URL("../../../node_modules/.bin", import.meta.url));
  return { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}` };
}

describeWithEngine("the README", (rig) => {
  test("every example works for somebody who has only this package", { timeout: 180_000 }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "readme-"));
    try {
      await installPacked(folder);
      await writeFile(join(folder, "examples.mjs"), await examples());
      const { stdout } = await run(process.execPath, ["examples.mjs"], {
        cwd: folder,
        env: { ...process.env, ...rig.environment, REGISTRY: rig.registry.host },
      });
      expect(stdout).toMatch(/sha256:[a-f0-9]{64} true/);
      expect(stdout).toContain("'IMAGE_NOT_FOUND'");
      expect(stdout).toContain("docker.io/library/node:20");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
