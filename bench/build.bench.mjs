/** Uncached builds of three steps, read back, beside `docker build` (the classic builder where it has no buildx). */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { compare } from "./measure.mjs";

const require = createRequire(new URL("../apps/mcp-server/package.json", import.meta.url));
const { connectEngine } = await import(pathToFileURL(require.resolve("@container-kit/docker-ops")).href);
const { engineRequest, makeTinyImage, requireRig, startEngineProxy } = require("@container-kit/testkit");
const docker = promisify(execFile);

const TAGS = ["bench-build/ours:1", "bench-build/theirs:1"];

const STEPS = {
  "three steps without a container": "WORKDIR /app\nCOPY file one\nCOPY file two\n",
  "three steps, two of them RUN": "RUN true\nCOPY file /file\nRUN cat /file\n",
};

export async function run() {
  const rig = requireRig();
  const env = { ...process.env, ...rig.environment };
  const base = await makeTinyImage(rig, { shell: true });
  const folder = mkdtempSync(join(tmpdir(), "build-bench-"));
  writeFileSync(join(folder, "file"), "content\n");
  // Without a session our builds go to the classic builder too; then both sides go through the same proxy.
  const proxy = await startEngineProxy({
    target: rig.engine.host,
    rules: [{ match: /^POST \/(v[\d.]+\/)?session/, fault: { kind: "answer", status: 404 } }],
  });
  const engine = await connectEngine({ env });
  const classic = await connectEngine({ env: { ...env, DOCKER_HOST: proxy.host } });
  const entries = [];
  try {
    for (const [what, steps] of Object.entries(STEPS)) {
      writeFileSync(join(folder, "Dockerfile"), `FROM ${base.reference}\n${steps}`);
      // Our labels are one step more for the classic builder, which `docker build` does not do: so it is measured without
      // them too. There is no gate where unlike things are compared.
      const sides = [
        ["BuildKit", engine, rig.engine.host, {}, { ratio50: 0.3 }],
        ["classic builder, with the labels that we add", classic, proxy.host, {}, undefined],
        ["classic builder", classic, proxy.host, { ociLabels: false }, { ratio50: 1.05 }],
      ];
      for (const [builder, through, host, options, gate] of sides) {
        const variables = { ...env, DOCKER_BUILDKIT: "0", DOCKER_HOST: host };
        entries.push(
          await compare({
            name: `${what}, ${builder}`,
            ours: () => through.build(folder, { tags: [TAGS[0]], noCache: true, ...options }),
            baseline: {
              name: "docker build, classic builder",
              call: () => docker("docker", ["build", "--no-cache", "-q", "-t", TAGS[1], folder], { env: variables }),
            },
            rounds: 5,
            calls: 2,
            warmUp: 1,
            ...(gate === undefined ? {} : { gate }),
          }),
        );
      }
    }
    return entries;
  } finally {
    await Promise.all([engine.close(), classic.close()]);
    await proxy.close();
    for (const tag of TAGS) await engineRequest(rig.engine.host, "DELETE", `/images/${tag}?force=true`);
    await base.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}
