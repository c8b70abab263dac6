/** docs/guides/context-and-routing.md says what happens: each of its commands is run, and each line of output looked for. */
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { describeWithEngine } from "@container-kit/testkit";
import { expect, onTestFinished, test } from "vitest";
import { CLI } from "./server-on-rig.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..", "..", "..");
const GUIDE = join(ROOT, "docs", "guides", "context-and-routing.md");
const MARK = "~~~ end of block ~~~";

interface Block {
  readonly language: string;
  readonly content: string;
}

async function readBlocks(): Promise<readonly Block[]> {
  const text = await readFile(GUIDE, "utf8");
  return [...text.matchAll(/```(\w+)\n(.*?)```/gs)].map(([, language = "", content = ""]) => ({ language, content }));
}

/** Whether what was printed has a line like this one, where `…` and any width between columns may be anything. */
function isIn(printed: string, line: string): boolean {
  const parts = line.trim().split(/(…| {2,})/);
  const pattern = parts.map((part) =>
    part === "…" ? ".*" : /^ +$/.test(part) ? " +" : part.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`),
  );
  return new RegExp(pattern.join("")).test(printed);
}

describeWithEngine("the guide to context and routing", (rig) => {
  test("each command prints what stands below it", { timeout: 120_000 }, async () => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), "context-guide-")));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const own = (path: string): boolean => !/node_modules|Dockerfile|\.dockerignore/.test(path.slice(ROOT.length));
    await cp(join(ROOT, "examples", "express-api"), join(folder, "shop"), { recursive: true, filter: own });
    const bin = join(folder, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "container-kit"), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`);
    await chmod(join(bin, "container-kit"), 0o755);
    const environment = {
      ...process.env,
      ...rig.environment,
      PATH: [bin, dirname(process.execPath), process.env["PATH"]].join(delimiter),
      CONTAINER_KIT_HOME: join(folder, "home"),
      REGISTRY: rig.registry.host,
    };
    const blocks = await readBlocks();

    // The reader's one shell: what a block sets is there in the next.
    const scripts = blocks.filter(({ language }) => language === "sh").map(({ content }) => content);
    const script = ["exec 2>&1", ...scripts.map((content) => `${content}\necho '${MARK}'`)].join("\n");
    const { stdout } = await run("bash", ["-ec", script], { cwd: folder, env: environment });
    const printed = stdout.split(MARK);
    let at = -1;
    for (const { language, content } of blocks) {
      if (language === "sh") at += 1;
      if (language !== "text") continue;
      for (const line of content.trimEnd().split("\n"))
        expect(isIn(printed[at] ?? "", line), `${line}\n\nis not in\n\n${printed[at] ?? ""}`).toBe(true);
    }
    expect(blocks.filter(({ language }) => language === "text").length).toBeGreaterThan(5);

    // The decision as an agent gets it, in a session of its own.
    await writeFile(join(folder, "shop", "Dockerfile"), "FROM node:20-slim\nCOPY . .\nRUNN npm ci\n");
    const input = JSON.stringify({ context: "shop", tags: ["shop:1"] });
    const failed = await run("container-kit", ["call", "build_image", "--input", input, "--json"], {
      cwd: folder,
      env: environment,
    }).catch((error: { stdout: string }) => error);
    const { routing, sessionId } = JSON.parse(failed.stdout) as { routing: object; sessionId: string };
    const json = blocks.find(({ language }) => language === "json");
    expect(JSON.parse(JSON.stringify(routing).replace(sessionId, "ses_…"))).toEqual(JSON.parse(json?.content ?? ""));

    // The rules of its own are rules.
    const yaml = blocks.find(({ language }) => language === "yaml");
    await writeFile(join(folder, "rules.yaml"), yaml?.content ?? "");
    const { stdout: listed } = await run("container-kit", ["--config", "rules.yaml", "routing", "list"], {
      cwd: folder,
      env: environment,
    });
    const names = listed.split("\n").map((line) => line.split(/ {2,}/)[1]);
    expect(names.slice(1, 3)).toEqual(["ask-the-platform-team", "look-before-pushing-again"]);
    expect(names).not.toContain("check-registry-of-push");
  });
});
