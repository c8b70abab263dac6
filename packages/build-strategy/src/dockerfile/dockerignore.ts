/**
 * Writes `.dockerignore`: what never belongs into a context, less what the Dockerfile copies.
 */
import { compileGlob } from "../analysis/glob.ts";
import { readIgnoreRules } from "../quality/ignore-rules.ts";

interface Group {
  readonly title: string;
  readonly patterns: readonly string[];
}

const groups: readonly Group[] = [
  {
    title: "History, editors, pipelines",
    patterns: [
      ".git",
      ".gitignore",
      ".gitattributes",
      ".github",
      ".gitlab-ci.yml",
      ".husky",
      ".vscode",
      ".idea",
      "**/.DS_Store",
    ],
  },
  {
    title: "Installed and built inside the image",
    patterns: ["**/node_modules", "**/.turbo", "**/.cache", "**/*.tsbuildinfo"],
  },
  {
    title: "Secrets and settings of one machine",
    patterns: [
      "**/.env",
      "**/.env.*",
      "**/*.pem",
      "**/*.key",
      "**/*.p12",
      "**/*.pfx",
      "**/id_rsa*",
      "**/id_ed25519*",
      "**/.npmrc",
      "**/.netrc",
    ],
  },
  {
    title: "Images and clusters",
    patterns: ["**/Dockerfile*", "**/*.dockerignore", ".dockerignore", "**/docker-compose*.y*ml", "**/compose*.y*ml"],
  },
  { title: "Reports, logs, leftovers", patterns: ["coverage", "**/.nyc_output", "**/*.log"] },
];

export interface DockerignoreInput {
  /** Folders that the build writes, relative to the context. */
  readonly outputs: readonly string[];
  /** Paths that the Dockerfile copies by name. */
  readonly copied: readonly string[];
}

/** The file's text. No pattern stays that would hide a path that is copied by name. */
export function renderDockerignore({ outputs, copied }: DockerignoreInput): string {
  const built = outputs.filter((output) => !copied.some((path) => path === output || path.startsWith(`${output}/`)));
  const all = [...groups, ...(built.length === 0 ? [] : [{ title: "Written by the build", patterns: built }])];
  const blocks = all.map(({ title, patterns }) => {
    const kept = patterns.filter((pattern) => !copied.some((path) => hides(pattern, path)));
    return kept.length === 0 ? null : [`# ${title}`, ...kept].join("\n");
  });
  return `${blocks.filter((block) => block !== null).join("\n\n")}\n`;
}

function hides(pattern: string, path: string): boolean {
  if (path === "." || path === "") return false;
  return readIgnoreRules(pattern).ignores(path) || compileGlob(pattern).matches(path);
}
