/**
 * Two built servers on one store: what a tool in one left, a tool in the other takes, with who made it; also when the
 * first is killed as soon as it has answered. Nothing is taken from another session.
 */
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { loadTestkit, newProof } from "./store-parts.mjs";

const { spawnServer } = await loadTestkit();
const cli = fileURLToPath(new URL("../apps/mcp-server/dist/cli.js", import.meta.url));
const example = fileURLToPath(new URL("../examples/express-api", import.meta.url));

export async function proveServers(random, count) {
  const proof = newProof("two servers on one store, one of them killed");
  const base = realpathSync(mkdtempSync(join(tmpdir(), "sharing-servers-")));
  const root = join(base, "root");
  mkdirSync(root);
  const env = { CONTAINER_KIT_HOME: join(base, "home") };
  const serve = () => spawnServer({ cli, args: ["serve", "--root", root], env, cwd: base });
  const servers = [];
  try {
    const second = await serve();
    servers.push(second);
    for (let at = 0; at < count; at += 1) {
      const path = join(root, `app-${at}`);
      cpSync(example, path, { recursive: true, filter: (file) => !/node_modules|Dockerfile/.test(file) });
      const first = await serve();
      servers.push(first);
      proof.count += 1;
      await handOver(proof, { first, second, path, pause: random.below(30) });
    }
  } finally {
    await Promise.all(servers.map((server) => server.close()));
    rmSync(base, { recursive: true, force: true });
  }
  return proof;
}

const call = async ({ client }, name, input) => (await client.callTool({ name, arguments: input })).structuredContent;

/** The first analyzes and dies; the second goes on with nothing but the session. */
async function handOver(proof, { first, second, path, pause }) {
  const wrong = (what) => proof.failures.push(`${path}: ${what}`);
  const analyzed = await call(first, "analyze_repository", { path });
  if (!analyzed.ok) return wrong(`analyze_repository: ${analyzed.error.message}`);
  await sleep(pause);
  const { signal } = await first.kill();
  if (signal === "SIGKILL") proof.fired += 1;
  const { sessionId, executionId } = analyzed;
  const known = await call(second, "get_session", { sessionId });
  const entry = known.result?.known.find(({ type }) => type === "analysis");
  if (entry?.executionId !== executionId) wrong(`of the session is known: ${JSON.stringify(known.result?.known)}`);
  const generated = await call(second, "generate_dockerfile", { sessionId });
  const used = generated.context?.used?.find(({ as }) => as === "path");
  if (!generated.ok) return wrong(`generate_dockerfile: ${generated.error.message}`);
  if (used?.executionId !== executionId || used.tool !== "analyze_repository")
    wrong(`it took ${JSON.stringify(generated.context)}`);
  // The same call in a session of its own finds nothing.
  const stranger = await call(second, "generate_dockerfile", {});
  if (stranger.ok || stranger.error.code !== "INVALID_INPUT")
    wrong(`without a session it was ${stranger.ok ? "a success" : stranger.error.code}`);
  return undefined;
}
