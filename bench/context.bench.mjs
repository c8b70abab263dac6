/** A build of ten thousand small files, none of it in the cache, beside `docker build` of the same folder. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { compare, measureMemory } from "./measure.mjs";

const require = createRequire(new URL("../apps/mcp-server/package.json", import.meta.url));
const { connectEngine } = await import(pathToFileURL(require.resolve("@container-kit/docker-ops")).href);
const { engineRequest, requireRig, startEngineProxy } = require("@container-kit/testkit");
const docker = promisify(execFile);

const FOLDERS = 100;
const FILES = 100;
const TAGS = ["bench-context/ours:1", "bench-context/theirs:1"];

export async function run() {
  const rig = requireRig();
  const env = { ...process.env, ...rig.environment };
  const folder = mkdtempSync(join(tmpdir(), "context-bench-"));
  makeTree(folder);
  // Without a session the context goes as an archive, as the docker CLI here sends it; both go through the same proxy.
  const proxy = await startEngineProxy({
    target: rig.engine.host,
    rules: [{ match: /^POST \/(v[\d.]+\/)?session/, fault: { kind: "answer", status: 404 } }],
  });
  const engine = await connectEngine({ env });
  const archiving = await connectEngine({ env: { ...env, DOCKER_HOST: proxy.host } });
  try {
    const ours = (through) => async () => {
      touch(folder);
      await through.build(folder, { tags: [TAGS[0]], noCache: true, ociLabels: false });
    };
    const theirs = (host) => async () => {
      touch(folder);
      const variables = { ...env, DOCKER_BUILDKIT: "0", DOCKER_HOST: host };
      await docker("docker", ["build", "--no-cache", "-q", "-t", TAGS[1], folder], { env: variables });
    };
    const few = { rounds: 5, calls: 1, warmUp: 0, gate: { ratio50: 1 } };
    const count = `${FOLDERS * FILES} small files`;
    const name = "docker build, classic builder";
    const memory = await measureMemory({
      name: `context of ${count}, MiB of memory above idle`,
      call: ours(engine),
      allowedMiB: 64,
    });
    return [
      await compare({
        ...few,
        name: `context of ${count} over the build session`,
        ours: ours(engine),
        baseline: { name, call: theirs(rig.engine.host) },
      }),
      await compare({
        ...few,
        name: `context of ${count} as an archive`,
        ours: ours(archiving),
        baseline: { name, call: theirs(proxy.host) },
      }),
      memory,
    ];
  } finally {
    await Promise.all([engine.close(), archiving.close()]);
    await proxy.close();
    for (const tag of TAGS) await engineRequest(rig.engine.host, "DELETE", `/images/${tag}?force=true`);
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeTree(folder) {
  writeFileSync(join(folder, "Dockerfile"), "FROM scratch\nCOPY . /a\n");
  for (let at = 0; at < FOLDERS; at += 1) {
    mkdirSync(join(folder, `d${at}`));
    for (let file = 0; file < FILES; file += 1)
      writeFileSync(join(folder, `d${at}`, `f${file}.txt`), `${at} ${file} `.repeat(200).slice(0, 1000));
  }
}

/** Something is new in every build. */
function touch(folder) {
  writeFileSync(join(folder, "new"), String(Math.random()));
}
