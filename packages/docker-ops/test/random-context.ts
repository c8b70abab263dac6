import { chmod, lstat, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { array, constantFrom, oneof, option, record } from "fast-check";
import type { Arbitrary } from "fast-check";

/** A tree to be made, and how it is to be ignored. */
export interface RandomContext {
  readonly nodes: readonly RandomNode[];
  /** The text of `.dockerignore`; null for none. */
  readonly ignore: string | null;
  readonly dockerfile: string;
}

interface RandomNode {
  readonly path: string;
  readonly kind: "file" | "folder" | "link";
  readonly mode: number;
  readonly target: string;
}

const NAMES = [
  "a",
  "b",
  "ab",
  "abc",
  "a b",
  " a",
  ".x",
  "#c",
  "!n",
  "x.md",
  "y.md",
  "ü",
  "日",
  "[z]",
  "a\\b",
  "s*",
  "^q",
];
const MORE_NAMES = [
  "a-b",
  "-",
  "(p)",
  "a+",
  "$d",
  "{e}",
  "|",
  "a|b",
  "b{2}",
  "Dockerfile",
  ".dockerignore",
  "..c",
  "q\n",
  "~",
];

const name = oneof(
  { weight: 3, arbitrary: constantFrom("a", "b", "ab", "x.md") },
  constantFrom(...NAMES, ...MORE_NAMES),
);

const node: Arbitrary<RandomNode> = record({
  path: array(name, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("/")),
  kind: constantFrom("file", "file", "file", "folder", "link"),
  mode: constantFrom(0o644, 0o755, 0o600, 0o4755, 0o1777, 0o2755, 0),
  target: constantFrom("a", "b/a", ".", "..", "../..", "/etc/passwd", "/tmp", "nowhere", "self", "ü"),
});

const WILD = ["*", "?", "**", "***", "[a-b]", "[^a]", "[!a]", "]", "*.md", "a*", "?b", "**b", "b**", "^q"];
const ESCAPED = [
  "\\a",
  "\\*",
  "\\#c",
  "\\!n",
  "\\[z]",
  "a\\\\b",
  "[\\]a]",
  "[a\\-b]",
  "\\w",
  "\\d",
  "[[:alpha:]]",
  "s\\*",
  "a{1,2}*",
  "?{0,}",
  "*|x.md",
  "a\\b",
  "[ab]{2}",
];

const segment = oneof(
  { weight: 4, arbitrary: name },
  { weight: 3, arbitrary: constantFrom(...WILD) },
  { weight: 1, arbitrary: constantFrom(".", "..", "", "***", "a?", "*b*") },
  { weight: 1, arbitrary: constantFrom(...ESCAPED) },
);

/** Now and then a pattern is malformed: the whole file is refused then. */
const malformed = constantFrom("[", "[ab", "[]a]", "a\\", "[a-]", "[-a]", "!", "!/", "a/[", "[^", "[a-\\");

const line = record({
  before: constantFrom("", "", "", "!", "!", "/", "!/", " ", "\t!", "! ", "# ", "#", " #", "./", "!!", "\u00a0"),
  body: array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
  after: constantFrom("", "", "", "/", " ", "\t", "/.", "/..", "//", "\r", "/**", "/*"),
}).map(({ before, body, after }) => before + body + after);

const ignoreFile = record({
  mark: constantFrom("", "", "", "\uFEFF"),
  lines: array(oneof({ weight: 60, arbitrary: line }, { weight: 1, arbitrary: malformed }), { maxLength: 6 }),
  all: constantFrom([], [], ["*"], ["**"], ["*", "!a"], ["a", "!a/b"], ["Dockerfile", ".dockerignore"]),
  end: constantFrom("\n", "\r\n"),
}).map(({ mark, lines, all, end }) => mark + [...all, ...lines].join(end) + end);

/** Random trees with random ignore files. */
export const randomContext: Arbitrary<RandomContext> = record({
  nodes: array(node, { minLength: 1, maxLength: 25 }),
  ignore: option(ignoreFile, { freq: 20 }),
  dockerfile: constantFrom("Dockerfile", "Dockerfile", "Dockerfile", "ab/Dockerfile", "a b/x.md"),
});

/** Makes the tree; of two that want the same place the first has it. */
export async function makeContext(root: string, { nodes, ignore, dockerfile }: RandomContext): Promise<void> {
  await put(root, dockerfile, "FROM scratch\n");
  if (ignore !== null) await put(root, ".dockerignore", ignore);
  for (const { path, kind, mode, target } of nodes) {
    const at = join(root, path);
    if (!(await isFree(root, path))) continue;
    await mkdir(dirname(at), { recursive: true });
    if (kind === "link") await symlink(target, at);
    else if (kind === "folder") await mkdir(at);
    else await writeFile(at, path);
    if (kind === "file") await chmod(at, mode);
  }
}

async function put(root: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}

/** Whether nothing is there, and nothing but folders above it: what is made never lands behind a link. */
async function isFree(root: string, path: string): Promise<boolean> {
  const parts = path.split("/");
  for (let depth = 1; depth <= parts.length; depth += 1) {
    const found = await lstat(join(root, ...parts.slice(0, depth))).catch(() => null);
    if (found === null) return true;
    if (!found.isDirectory()) return false;
  }
  return false;
}
