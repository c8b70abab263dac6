/** A tag through our tool over stdio, read back and recorded, beside `docker tag`. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer } from "./line-client.mjs";
import { compare } from "./measure.mjs";

const cli = fileURLToPath(new URL("../apps/mcp-server/dist/cli.js", import.meta.url));

export async function run() {
  const require = createRequire(new URL("../apps/mcp-server/package.json", import.meta.url));
  const { makeTinyImage, requireRig } = require("@container-kit/testkit");
  const rig = requireRig();
  const home = mkdtempSync(join(tmpdir(), "tag-"));
  const env = { ...process.env, ...rig.environment, CONTAINER_KIT_HOME: home };
  const image = await makeTinyImage(rig);
  const server = startServer([cli, "serve"], env);
  try {
    await server.initialize();
    const call = (input) => server.request("tools/call", { name: "tag_image", arguments: input });
    const first = await call({ source: image.reference, target: "bench/ours:0" });
    const { sessionId } = first.structuredContent;
    let count = 0;
    const nextTag = () => (count += 1);
    const docker = promisify(execFile);
    return [
      await compare({
        name: "tag, read back and recorded, over stdio",
        ours: async () => {
          const { structuredContent, isError } = await call({
            source: image.reference,
            target: `bench/ours:${nextTag()}`,
            sessionId,
          });
          if (isError) throw new Error(structuredContent.error.message);
        },
        baseline: {
          name: "docker tag",
          call: () => docker("docker", ["tag", image.reference, `bench/theirs:${nextTag()}`], { env }),
        },
        calls: 40,
        gate: { ratio50: 0.3 },
      }),
    ];
  } finally {
    await server.close();
    await image.remove();
    rmSync(home, { recursive: true, force: true });
  }
}
