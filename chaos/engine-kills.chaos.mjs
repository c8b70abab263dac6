/**
 * An engine of its own, killed with -9 at a random moment of a push, a pull or a build, and started again.
 *
 * One oracle: what was reported as done is there when the registry or the engine is asked past the code under test; a
 * failure is typed and worth a retry; and the same call made again, by the same connection, succeeds.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "./random.mjs";

const require = createRequire(new URL("../packages/docker-ops/package.json", import.meta.url));
const { connectEngine } = await import(new URL("../packages/docker-ops/dist/index.js", import.meta.url).href);
const testkit = require("@container-kit/testkit");

const SIZE = 40_000_000;

/** Milliseconds within which a call is surely still going on. */
const WINDOW = { push: 500, pull: 400, build: 120 };

async function shows(host, name, imageId) {
  const answer = await testkit.engineRequest(host, "GET", `/images/${name}/json`);
  return answer.status === 200 && JSON.parse(answer.text).Id === imageId;
}

const unique = () => testkit.uniqueName("kill");

/** Each makes a call that nobody has made before, and tells whether its success is true. */
function operations({ rig, own, folder }) {
  const access = { host: rig.registry.host, username: rig.registry.username, password: rig.password };
  return {
    push: async () => {
      const image = await testkit.makeTinyImage({ engine: { ...rig.engine, host: own.host } }, { sizeBytes: SIZE });
      const name = unique();
      return async (engine) => {
        const { digest } = await engine.push(image.reference, { target: `${rig.registry.host}/${name}:1` });
        const answer = await testkit.registryRequest(access, "HEAD", `/v2/${name}/manifests/${digest}`);
        return answer.headers.get("docker-content-digest") === digest;
      };
    },
    pull: async () => {
      const image = await testkit.makeTinyImage(rig, { sizeBytes: SIZE });
      const steady = await connectEngine({ env: { ...process.env, ...rig.environment } });
      const target = `${rig.registry.host}/${unique()}:1`;
      await steady.push(image.reference, { target });
      await steady.close();
      await image.remove();
      return async (engine) => shows(own.host, target, (await engine.pull(target)).imageId);
    },
    build: async () => {
      const name = `${unique()}:1`;
      return async (engine) => {
        writeFileSync(join(folder, "file"), randomBytes(SIZE / 4));
        const { imageId } = await engine.build(folder, { tags: [name] });
        return shows(own.host, name, imageId);
      };
    },
  };
}

export async function run({ seed, small }) {
  const rig = testkit.requireRig();
  const random = createRandom(seed);
  const own = await testkit.startPrivateEngine();
  const folder = mkdtempSync(join(tmpdir(), "kills-"));
  writeFileSync(join(folder, "Dockerfile"), "FROM scratch\nCOPY file /one\nCOPY file /two\n");
  const engine = await connectEngine({ env: { ...process.env, ...rig.environment, DOCKER_HOST: own.host } });
  const proofs = [];
  try {
    for (const [name, prepare] of Object.entries(operations({ rig, own, folder }))) {
      const proof = { name: `kill -9 under ${name}`, count: 0, fired: 0, failures: [], skipped: [] };
      for (let at = 0; at < (small ? 2 : 40); at += 1) {
        const after = random.below(WINDOW[name]);
        await killOnce(proof, { after, own, engine, prepare });
      }
      proofs.push(proof);
    }
    return proofs;
  } finally {
    await engine.close();
    await own.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function killOnce(proof, { after, own, engine, prepare }) {
  const call = await prepare();
  proof.count += 1;
  let ended = false;
  const kill = async () => {
    await sleep(after);
    if (!ended) proof.fired += 1;
    await own.kill();
    await own.start();
  };
  const killed = kill();
  try {
    if (!(await call(engine))) proof.failures.push(`after ${after} ms: a success that is not true`);
  } catch (error) {
    if (error.retryable !== true || typeof error.code !== "string")
      proof.failures.push(`after ${after} ms: ${error.code} is not worth a retry: ${error.message}`);
  }
  ended = true;
  await killed;
  const again = await call(engine).catch((error) => error.message);
  if (again !== true) proof.failures.push(`after ${after} ms: the same call again: ${again}`);
}
