import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { publicUrl, readGitMetadata } from "./git-metadata.ts";

const folders: string[] = [];
const COMMIT = "a".repeat(40);
const OTHER = "b".repeat(40);
const CONFIG =
  '[core]\n\tbare = false\n[remote "fork"]\n\turl = https://f/x/y\n[remote "origin"]\n\turl = git@h.com:o/r.git\n';

function repository(files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "git-metadata-")));
  folders.push(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

describe("readGitMetadata", () => {
  test.each([
    ["a branch of its own file", { ".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": `${COMMIT}\n` }],
    ["a detached head", { ".git/HEAD": `${COMMIT}\n` }],
    [
      "a packed branch",
      {
        ".git/HEAD": "ref: refs/heads/x/main\n",
        ".git/packed-refs": `# pack-refs with: peeled\n${OTHER} refs/heads/main\n${COMMIT} refs/heads/x/main\n^${OTHER}\n`,
      },
    ],
  ])("%s gives the commit, also from a folder further down", async (_what, files) => {
    const folder = repository({ ...files, ".git/config": CONFIG, "apps/web/Dockerfile": "" });
    const expected = { source: "https://h.com/o/r", revision: COMMIT };
    expect(await readGitMetadata(folder)).toEqual(expected);
    expect(await readGitMetadata(join(folder, "apps/web"), [folder])).toEqual(expected);
    expect(await readGitMetadata(join(folder, "apps/web"), [join(folder, "apps")])).toEqual({});
  });

  const worktree = (back: string) => {
    const folder = repository({
      "main/.git/config": CONFIG,
      "main/.git/refs/heads/w": `${COMMIT}\n`,
      "main/.git/worktrees/w/HEAD": "ref: refs/heads/w\n",
      "main/.git/worktrees/w/commondir": "../..\n",
      "w/file": "",
    });
    writeFileSync(join(folder, "w/.git"), `gitdir: ${join(folder, "main/.git/worktrees/w")}\n`);
    writeFileSync(join(folder, "main/.git/worktrees/w/gitdir"), `${join(folder, back)}\n`);
    return folder;
  };

  test("a worktree has its own head and the repository's origin, within the roots", async () => {
    const folder = worktree("w/.git");
    const expected = { source: "https://h.com/o/r", revision: COMMIT };
    expect(await readGitMetadata(join(folder, "w"))).toEqual(expected);
    expect(await readGitMetadata(join(folder, "w"), [folder])).toEqual(expected);
    expect(await readGitMetadata(join(folder, "w"), [join(folder, "w")])).toEqual({});
  });

  test("a planted gitdir line opens no repository that does not know of it", async () => {
    const folder = worktree("elsewhere/.git");
    expect(await readGitMetadata(join(folder, "w"))).toEqual({});
  });

  test("a submodule is found in the repository around it", async () => {
    const folder = repository({
      ".git/modules/lib/HEAD": `${COMMIT}\n`,
      ".git/modules/lib/config": CONFIG,
      "lib/.git": "gitdir: ../.git/modules/lib\n",
    });
    expect(await readGitMetadata(join(folder, "lib"))).toMatchObject({ revision: COMMIT });
  });

  test("links out of the git folder, refs that climb, and text that is no commit give nothing", async () => {
    const outside = repository({ secret: `${COMMIT}\n`, config: CONFIG });
    const linked = repository({ ".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/x": "" });
    symlinkSync(join(outside, "secret"), join(linked, ".git/refs/heads/main"));
    symlinkSync(join(outside, "config"), join(linked, ".git/config"));
    expect(await readGitMetadata(linked)).toEqual({});
    expect(await readGitMetadata(repository({ ".git/HEAD": "ref: refs/../../secret\n", secret: COMMIT }))).toEqual({});
    expect(await readGitMetadata(repository({ ".git/HEAD": "CANARY\n" }))).toEqual({});
    expect(await readGitMetadata(repository({ ".git/HEAD": "ref: refs/a\n", ".git/refs/a": "ref: refs/a\n" }))).toEqual(
      {},
    );
  });

  test.skipIf(process.getuid?.() !== 0)("a repository of another user is not read", async () => {
    const folder = repository({ ".git/HEAD": COMMIT });
    chownSync(join(folder, ".git"), 12_345, 12_345);
    expect(await readGitMetadata(folder)).toEqual({});
  });
});

test.each([
  ["git@github.com:org/repo.git", "https://github.com/org/repo"],
  ["ssh://git@host.com:2222/org/repo.git", "https://host.com/org/repo"],
  ["https://user:token@host.com:8443/org/repo.git?token=x#y", "https://host.com:8443/org/repo"],
  ["https://token@host.com/org/repo/", "https://host.com/org/repo"],
  ["git://host.com/repo.git", "https://host.com/repo"],
  ["/srv/git/repo.git", null],
  ["file:///srv/git/repo.git", null],
  ["../repo", null],
  ["C:\\repo", null],
  ["ext::sh -c touch% /x", null],
  ["", null],
])("the remote %s is %s in public", (remote, expected) => {
  expect(publicUrl(remote)).toBe(expected);
});
