/**
 * Random faults at random requests of every operation, between docker-ops and a real engine.
 *
 * Whatever happens, one oracle: a success is true when the engine or the registry is asked past the code under test; a
 * failure has a code and a next step; either comes by the deadline; no secret is in it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createRandom } from "./random.mjs";

const require = createRequire(new URL("../packages/docker-ops/package.json", import.meta.url));
const { connectEngine } = await import(
  pathToFileURL(new URL("../packages/docker-ops/dist/index.js", import.meta.url).pathname).href
);
const testkit = require("@container-kit/testkit");

const DEADLINE_MS = 2500;
const GRACE_MS = 1000;

const faults = (random) =>
  random.pick([
    { kind: "hang" },
    { kind: "reset" },
    { kind: "answer", status: random.pick([500, 502, 503]), body: '{"message":"broken"}' },
    { kind: "answer", status: 500, body: "<html>broken</html>", contentType: "text/html" },
    {
      kind: "answer",
      status: 200,
      body: random.pick(["", "<html>hello</html>", '{"status":"x"', "\0\0", "[]", "null"]),
    },
    { kind: "answer", status: 200, body: '{"errorDetail":{"message":"unauthorized: authentication required"}}' },
    { kind: "answer", status: 404, body: '{"message":"page not found"}' },
    { kind: "cut", afterBytes: random.below(600) },
    { kind: "end", afterBytes: random.below(600) },
    { kind: "stall", afterBytes: random.below(600) },
    { kind: "slow", delayMs: random.below(300) },
    { kind: "replace", body: (body) => body.slice(0, random.below(body.length + 1)) },
  ]);

const repository = () => `chaos/${testkit.uniqueName("x").split("/")[1]}`;

/** Each: what to do, and how to ask whether a success is true. */
function operations({ rig, image, direct, registry, context }) {
  const idOf = async (name) => {
    const answer = await direct("GET", `/images/${name}/json`);
    return answer.status === 200 ? JSON.parse(answer.text).Id : null;
  };
  return {
    push: async (engine, options) => {
      const name = repository();
      const { digest } = await engine.push(image.reference, { ...options, target: `${rig.registry.host}/${name}:1` });
      const answer = await registry("HEAD", `/v2/${name}/manifests/${digest}`);
      return answer.status === 200 && answer.headers.get("docker-content-digest") === digest;
    },
    pull: async (engine, options) => {
      const { imageId, image: name } = await engine.pull(`${rig.registry.host}/chaos/known:1`, {
        ...options,
        force: true,
      });
      return (await idOf(name)) === imageId;
    },
    tag: async (engine, options) => {
      const { target, imageId } = await engine.tag(image.reference, `${repository()}:1`, options);
      return (await idOf(target)) === imageId && imageId === image.imageId;
    },
    build: async (engine, options) => {
      const tags = [`${repository()}:1`, `${repository()}:2`];
      const { imageId } = await engine.build(context, { ...options, tags, labels: { chaos: tags[0] } });
      return (await idOf(tags[0])) === imageId && (await idOf(tags[1])) === imageId;
    },
    inspect: async (engine, options) => (await engine.inspect(image.reference, options)).imageId === image.imageId,
    load: async (engine, options) => {
      const archive = await engine.save([image.reference], options);
      const { images } = await engine.load(archive, options);
      return images.includes(image.reference);
    },
    remove: async (engine, options) => {
      const name = `${repository()}:1`;
      await direct("POST", `/images/${image.imageId}/tag?repo=${name.split(":")[0]}&tag=1`);
      await engine.remove(name, options);
      return (await idOf(name)) === null;
    },
  };
}

export async function run({ seed, small }) {
  const rig = testkit.requireRig();
  const image = await testkit.makeTinyImage(rig, { sizeBytes: 50_000 });
  const context = mkdtempSync(join(tmpdir(), "chaos-"));
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY file /file\n");
  writeFileSync(join(context, "file"), "content");
  const access = { host: rig.registry.host, username: rig.registry.username, password: rig.password };
  const world = {
    rig,
    image,
    context,
    direct: (method, path) => testkit.engineRequest(rig.engine.host, method, path),
    registry: (method, path) => testkit.registryRequest(access, method, path),
  };
  const steady = await connectEngine({ env: { ...process.env, ...rig.environment } });
  await steady.push(image.reference, { target: `${rig.registry.host}/chaos/known:1` });
  const all = operations(world);
  const results = [];
  try {
    for (const name of Object.keys(all)) {
      const proof = { name: `faults under ${name}`, count: 0, fired: 0, failures: [], skipped: [] };
      const count = small ? 12 : 300;
      const lanes = Array.from({ length: 3 }, async (_, lane) => {
        const random = createRandom(seed + lane * 7919 + name.length);
        for (let at = lane; at < count; at += 3) await oneCase(proof, { random, rig, operation: all[name] });
      });
      await Promise.all(lanes);
      results.push(proof);
    }
    return results;
  } finally {
    await steady.close();
    await image.remove();
    rmSync(context, { recursive: true, force: true });
  }
}

async function oneCase(proof, { random, rig, operation }) {
  const rule = { match: /./, fault: faults(random), skip: random.below(7), times: 1 };
  const proxy = await testkit.startEngineProxy({ target: rig.engine.host, rules: [rule] });
  const env = { ...process.env, ...rig.environment, DOCKER_HOST: proxy.host };
  const told = `${JSON.stringify(rule.fault)} at request ${rule.skip}`;
  const startedAt = performance.now();
  let engine;
  proof.count += 1;
  try {
    engine = await connectEngine({ env, connectTimeoutMs: DEADLINE_MS });
    const isTrue = await operation(engine, { deadlineMs: DEADLINE_MS, inactivityMs: 1000 });
    if (!isTrue) proof.failures.push(`${told}: a success that is not true`);
  } catch (error) {
    const text = JSON.stringify({ ...error, message: error.message, cause: String(error.cause) });
    if (typeof error.code !== "string" || typeof error.remedy !== "string" || error.remedy === "")
      proof.failures.push(`${told}: an error without a code or a next step: ${error.stack}`);
    if (text.includes(rig.password)) proof.failures.push(`${told}: a password in the error`);
  } finally {
    const lasted = performance.now() - startedAt;
    // Connecting has a deadline of its own before the operation's, and a save is followed by a load.
    if (lasted > 3 * DEADLINE_MS + GRACE_MS) proof.failures.push(`${told}: it lasted ${Math.round(lasted)} ms`);
    if (proxy.fired(rule) > 0) proof.fired += 1;
    await engine?.close();
    await proxy.close();
  }
}
