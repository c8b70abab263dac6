/** Operations on images through docker-ops, each with its read-back, beside the docker CLI. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { compare } from "./measure.mjs";

const require = createRequire(new URL("../apps/mcp-server/package.json", import.meta.url));
const { connectEngine } = await import(pathToFileURL(require.resolve("@container-kit/docker-ops")).href);
const { makeTinyImage, requireRig } = require("@container-kit/testkit");
const docker = promisify(execFile);

/** What is measured, our call, the docker CLI's arguments, and the highest ratio that is good enough. */
function cases({ engine, forgetful, image, target }) {
  let count = 0;
  const nextTag = (side) => `bench/${side}:${(count += 1)}`;
  const pull = () => ["pull", target];
  return [
    ["tag with its read-back", () => engine.tag(image, nextTag("ours")), () => ["tag", image, nextTag("theirs")], 0.3],
    ["inspect", () => engine.inspect(image), () => ["inspect", image], 0.1],
    ["pull of a present image, fresh in the cache", () => engine.pull(target), pull, 0.1],
    ["pull of a present image, the registry asked", () => forgetful.pull(target), pull, 0.6],
    ["push of present layers, read back", () => engine.push(target), () => ["push", target], 0.8],
  ];
}

export async function run() {
  const rig = requireRig();
  const env = { ...process.env, ...rig.environment };
  const engine = await connectEngine({ env });
  const forgetful = await connectEngine({ env, freshForMs: 0 });
  const image = await makeTinyImage(rig, { sizeBytes: 200_000 });
  const target = `${rig.registry.host}/bench/image:1`;
  const entries = [];
  try {
    await engine.push(image.reference, { target });
    for (const [name, ours, args, ratio50] of cases({ engine, forgetful, image: image.reference, target })) {
      const baseline = { name: `docker ${args()[0]}`, call: () => docker("docker", args(), { env }) };
      entries.push(await compare({ name, ours, baseline, calls: 20, rounds: 5, gate: { ratio50 } }));
    }
    return entries;
  } finally {
    await Promise.all([engine.close(), forgetful.close()]);
    await image.remove();
  }
}
