/**
 * Which platforms a folder shows, so that a repository of another platform is named and not taken for Node because of
 * the package.json of its assets.
 */
import type { SeenPlatform } from "../types.ts";
import { joinPath } from "./path.ts";
import type { SourceTree } from "./source-tree.ts";

interface Marker {
  readonly platform: string;
  /** File names; a leading `*` matches any beginning. */
  readonly names: readonly string[];
  /**
   * Whether the folder is of this platform even with a package.json in it. `always`, or only when one of these paths is
   * there: a Gemfile alone is also what a React Native app has.
   */
  readonly overNode?: "always" | readonly string[];
}

/** In the order in which a folder is named when several fit. */
const markers: readonly Marker[] = [
  { platform: "php", names: ["composer.json", "artisan", "index.php"], overNode: "always" },
  {
    platform: "ruby",
    names: ["Gemfile", "config.ru"],
    overNode: ["config.ru", "config/application.rb", "app.rb", "bin/rails"],
  },
  { platform: "elixir", names: ["mix.exs"], overNode: "always" },
  { platform: "go", names: ["go.mod", "go.work", "main.go"], overNode: ["main.go", "cmd"] },
  {
    platform: "java",
    names: ["pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts", "gradlew", "mvnw"],
    overNode: "always",
  },
  { platform: "rust", names: ["Cargo.toml"], overNode: ["src/main.rs"] },
  {
    platform: "python",
    names: [
      "requirements.txt",
      "pyproject.toml",
      "Pipfile",
      "setup.py",
      "manage.py",
      "environment.yml",
      "main.py",
      "app.py",
    ],
    overNode: ["manage.py", "wsgi.py", "asgi.py", "app.py", "main.py"],
  },
  { platform: "deno", names: ["deno.json", "deno.jsonc"], overNode: ["deno.lock"] },
  {
    platform: "dotnet",
    names: ["*.csproj", "*.fsproj", "*.sln", "*.slnx", "global.json"],
    overNode: ["Program.cs", "Program.fs", "Startup.cs"],
  },
  { platform: "scala", names: ["build.sbt"], overNode: "always" },
  { platform: "clojure", names: ["project.clj", "deps.edn", "build.clj"], overNode: ["project.clj", "deps.edn"] },
  { platform: "haskell", names: ["stack.yaml", "*.cabal"], overNode: "always" },
  { platform: "crystal", names: ["shard.yml"], overNode: "always" },
  { platform: "swift", names: ["Package.swift"] },
  { platform: "zig", names: ["build.zig"] },
  { platform: "gleam", names: ["gleam.toml"], overNode: "always" },
  { platform: "dart", names: ["pubspec.yaml"], overNode: "always" },
  { platform: "cobol", names: ["*.cbl", "*.cob"] },
  { platform: "scheme", names: ["haunt.scm"] },
  { platform: "cpp", names: ["CMakeLists.txt", "meson.build"] },
  { platform: "static", names: ["Staticfile", "index.html"] },
  { platform: "shell", names: ["start.sh"] },
];

/** The platforms of one folder, Node left out. */
export function findPlatforms(tree: SourceTree, folder: string): SeenPlatform[] {
  const here = tree.filesIn(folder);
  const seen: SeenPlatform[] = [];
  for (const { platform, names } of markers) {
    const found = here.find((file) =>
      names.some((name) => (name.startsWith("*") ? file.endsWith(name.slice(1)) : file === name)),
    );
    if (found !== undefined) seen.push({ platform, file: joinPath(folder, found) });
  }
  return seen;
}

/**
 * The platform that a folder with a package.json is of instead of Node, or null.
 *
 * @param runsNode the manifest itself starts a program (a start script, a framework that answers requests)
 */
export function platformOverNode(tree: SourceTree, folder: string, runsNode: boolean): SeenPlatform | null {
  for (const seen of findPlatforms(tree, folder)) {
    const overNode = markers.find((marker) => marker.platform === seen.platform)?.overNode;
    if (overNode === "always") return seen;
    if (overNode === undefined || runsNode) continue;
    const proof = overNode.some(
      (path) => tree.hasFile(joinPath(folder, path)) || tree.hasFolder(joinPath(folder, path)),
    );
    if (proof) return seen;
  }
  return null;
}
