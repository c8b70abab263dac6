import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { defineConfig } from "tsup";
import type { Options } from "tsup";

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/** Used by a few calls only, and large: each file of them is loaded when something of it is first used. */
const LATE_PACKAGES = ["@container-kit/build-strategy", "@container-kit/docker-ops"];
/** Node's own modules that take milliseconds to load and that libraries ask for whether they are used or not. */
const LATE_BUILTINS = ["child_process", "dns", "http", "http2", "https", "net", "tls", "worker_threads"];

/**
 * The program as one file of CommonJS that `cli.js` starts from V8's code cache (which an ES module cannot have), and
 * the programs of its threads and processes. Everything that is JavaScript is bundled; what is native or loads native
 * parts is an ordinary dependency (see package.json). What is imported dynamically lies in the same file and is
 * evaluated when it is asked for.
 */
export const program: Options = {
  entry: {
    cli: "src/launch.ts",
    program: "src/cli.ts",
    "record-keeper": "src/record-keeper.ts",
    "import-module": "src/plugins/import-module.ts",
  },
  format: ["cjs"],
  outExtension: () => ({ js: ".js" }),
  target: "node20",
  clean: ["!plugin-host.mjs"],
  splitting: false,
  treeshake: false,
  noExternal: [/^(?!better-sqlite3(?:$|\/))/],
  esbuildPlugins: [latePackages(LATE_PACKAGES), lateBuiltins(LATE_BUILTINS), commonJs()],
  esbuildOptions(options) {
    options.conditions = ["@container-kit/source"];
    options.minifyWhitespace = true;
    options.define = { ...options.define, "import.meta.url": "__importMetaUrl" };
    options.banner = {
      js: '"use strict"; const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;',
    };
  },
};

/** The program of untrusted plugins reads nothing beside itself: it is one file, and an ES module as plugins are. */
const pluginHost: Options = {
  entry: { "plugin-host": "../../packages/atomic-runtime/src/plugins/host/main.ts" },
  format: ["esm"],
  outExtension: () => ({ js: ".mjs" }),
  target: "node20",
  splitting: false,
  noExternal: [/.*/],
  esbuildOptions(options) {
    options.conditions = ["@container-kit/source"];
  },
};

export default defineConfig([program, pluginHost]);

/**
 * An import of one of the packages becomes an object whose members load their own file when they are first read. What a
 * module reads while it is itself loaded is loaded then, as ever. The package's index only exports by name.
 */
function latePackages(names: readonly string[]): Plugin {
  const namespace = "late-package";
  return {
    name: namespace,
    setup(build) {
      build.onResolve({ filter: anyOf(names) }, async ({ path, resolveDir, kind, pluginData }) => {
        if (kind !== "import-statement" || pluginData === namespace) return undefined;
        const found = await build.resolve(path, { resolveDir, kind, pluginData: namespace });
        return { path: found.path, namespace, errors: found.errors };
      });
      build.onLoad({ filter: /.*/, namespace }, async ({ path }) => ({
        contents: lateMembers(await exportsOf(path)),
        resolveDir: dirname(path),
      }));
    },
  };
}

function lateBuiltins(names: readonly string[]): Plugin {
  const namespace = "late-builtin";
  return {
    name: namespace,
    setup(build) {
      build.onResolve({ filter: anyOf(names.flatMap((name) => [name, `node:${name}`])) }, ({ path, namespace: from }) =>
        from === namespace ? { path, external: true } : { path, namespace },
      );
      build.onLoad({ filter: /.*/, namespace }, async ({ path }) => {
        const members = Object.keys((await import(path)) as object).filter((name) => name !== "default");
        return { contents: lateMembers(members.map((name) => ({ outside: name, inside: name, file: path }))) };
      });
    },
  };
}

/** The folder's files are CommonJS, although the package's are not. */
function commonJs(): Plugin {
  return {
    name: "common-js",
    setup(build) {
      build.onEnd(async () => {
        const folder = build.initialOptions.outdir ?? "dist";
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, "package.json"), '{ "type": "commonjs" }\n');
      });
    },
  };
}

interface Member {
  readonly outside: string;
  readonly inside: string;
  readonly file: string;
}

/** Which file each name of an index comes from. */
async function exportsOf(index: string): Promise<readonly Member[]> {
  const statement = /^export (type )?\{([^}]*)\} from "([^"]+)";$/gm;
  const text = (await readFile(index, "utf8")).replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, "");
  if (text.replaceAll(statement, "").trim() !== "") {
    throw new Error(`${index} does more than export by name from other files`);
  }
  return [...text.matchAll(statement)]
    .filter(([, type]) => type === undefined)
    .flatMap(([, , names = "", file = ""]) => names.split(",").map((name) => ({ name: name.trim(), file })))
    .filter(({ name }) => name !== "" && !name.startsWith("type "))
    .map(({ name, file }) => {
      const [inside = name, outside = inside] = name.split(" as ");
      return { inside, outside, file };
    });
}

function lateMembers(members: readonly Member[]): string {
  const getters = members.map(({ outside, inside, file }) => {
    return `get ${outside}() { return require(${JSON.stringify(file)}).${inside}; },`;
  });
  return `module.exports = { __esModule: true, ${getters.join("\n")} };`;
}

function anyOf(names: readonly string[]): RegExp {
  return new RegExp(`^(${names.join("|")})$`);
}
