/**
 * Several processes tell each other things through one store: no update is lost, also when they are killed; events come
 * at least once and in order, also to a subscriber that is killed; two servers know what the other's tools left.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "./random.mjs";
import { proveDelivered } from "./sharing-delivery.mjs";
import { allEvents, inWorld, isReady, isWhole, openSharing, said } from "./sharing-parts.mjs";
import { proveServers } from "./sharing-servers.mjs";
import { newProof, start } from "./store-parts.mjs";

const PROCESSES = 4;

export async function run({ seed, small }) {
  const random = createRandom(seed);
  return [
    await inWorld((folder) => proveCounted(folder, { lanes: 250, rounds: small ? 1 : 10 })),
    await inWorld((folder) => proveKilled(folder, random, small ? 8 : 200)),
    await inWorld((folder) => proveDelivered(folder, random, small ? 5 : 100)),
    await proveServers(random, small ? 1 : 10),
  ];
}

const begin = (folder, ...more) => start(new URL("./sharing-worker.mjs", import.meta.url), [folder, ...more]);

/** Every process adds to one entry with many hands at once; each share says which version it follows. */
async function proveCounted(folder, { lanes, rounds }) {
  const total = PROCESSES * lanes * rounds;
  const proof = newProof(`${PROCESSES} processes count to ${total} in one entry`);
  const sessionId = `ses_${randomUUID()}`;
  const workers = Array.from({ length: PROCESSES }, () => begin(folder, "count", sessionId, lanes, rounds));
  for (const worker of workers) await isReady(worker);
  for (const { child } of workers) child.stdin.write("go\n");
  for (const { ended } of workers) {
    const { code, signal, errors } = await ended;
    if (code !== 0) proof.failures.push(`a worker ended with ${code ?? signal}: ${errors.slice(-600)}`);
  }
  const lines = workers.flatMap((worker) => worker.lines);
  const versions = said(lines, "counted").map(([version]) => Number(version));
  versions.sort((one, other) => one - other);
  proof.count = total;
  proof.fired = said(lines, "conflicts").reduce((sum, [conflicts]) => sum + Number(conflicts), 0);
  for (let at = 0; at < total; at += 1) {
    if (versions[at] === at + 1) continue;
    proof.failures.push(`in the place of version ${at + 1} there is ${versions[at]}`);
    break;
  }
  const { context, close } = await openSharing(folder);
  const counter = { sessionId, type: "note", key: "counter" };
  const last = await context.get(counter);
  if (last?.version !== total || last.value.count !== total)
    proof.failures.push(`at the end it is version ${last?.version} and says ${last?.value.count}`);
  await close();
  return proof;
}

/** Processes that share are killed and replaced; what they acknowledged is looked for afterwards. */
async function proveKilled(folder, random, kills) {
  const proof = newProof("kill -9 of processes that share");
  const sessionId = `ses_${randomUUID()}`;
  const beginOne = () => begin(folder, "share", sessionId, random.below(2 ** 30));
  const workers = Array.from({ length: PROCESSES }, beginOne);
  const lives = [...workers];
  const watcher = await openSharing(folder);
  const kill = async (worker) => {
    worker.child.kill("SIGKILL");
    const { signal, errors } = await worker.ended;
    proof.count += 1;
    if (signal === "SIGKILL" && worker.lines.length > 1) proof.fired += 1;
    else if (signal !== "SIGKILL") proof.failures.push(`a worker ended before it was killed: ${errors.slice(-600)}`);
    await checkOwn(proof, { watcher, sessionId, lines: worker.lines });
  };
  for (let at = 0; at < kills; at += 1) {
    const place = random.below(PROCESSES);
    // Now and then in the midst of its start.
    if (random.below(10) > 0) await isReady(workers[place]);
    await sleep(random.below(150));
    await kill(workers[place]);
    workers[place] = beginOne();
    lives.push(workers[place]);
  }
  for (const worker of workers) await kill(worker);
  const lines = lives.flatMap((life) => life.lines);
  const lost = await checkCommon({ watcher, sessionId, lines, kills: proof.count });
  lost.push(...(await checkPublished(watcher, lines)));
  proof.failures.push(...lost);
  await watcher.close();
  proof.name += ` (${said(lines, "shared").length} shares acknowledged)`;
  return proof;
}

/** The keys that only this process had: as it left them, or one act further. */
async function checkOwn(proof, { watcher, sessionId, lines }) {
  const last = new Map();
  const acts = lines.map((line) => line.split(" ")).filter(([, key]) => key?.includes("-own-"));
  for (const act of acts) last.set(act[1], act);
  // Killed between an act and its acknowledgement, it has done one act more than it told.
  const told = lines.filter((line) => line.includes(" ")).map((line) => Number(line.split("-").at(-1)));
  const next = Math.max(-1, ...told) + 1;
  let further = 0;
  for (const [key, [word, , ...more]] of last) {
    const entry = await watcher.context.get({ sessionId, type: "note", key });
    const isLast = word === "removed" ? entry === undefined : entry?.value.mark === more[1];
    if (isLast) continue;
    further += 1;
    if (further > 1 || (entry !== undefined && entry.value.count !== next))
      proof.failures.push(`${key} was ${word} (${more.join(" ")}) and is ${entry?.version} ${entry?.value.mark}`);
  }
}

/** The keys that all had: nothing that was acknowledged is lost, and what is kept of each is whole and without a hole. */
async function checkCommon({ watcher, sessionId, lines, kills }) {
  const problems = [];
  const shares = said(lines, "shared").filter(([key]) => key.startsWith("common-"));
  const byKey = groupByKey(shares);
  let holes = 0;
  for (const [key, told] of byKey) {
    const marks = new Map(told.map(([, version, mark]) => [Number(version), mark]));
    if (marks.size !== told.length) problems.push(`${key}: a version was acknowledged twice`);
    const history = await watcher.context.history({ sessionId, type: "note", key });
    const newest = history[0]?.version ?? 0;
    if (newest < Math.max(...marks.keys()))
      problems.push(`${key}: ${Math.max(...marks.keys())} was acknowledged, and ${newest} is there`);
    holes += newest - marks.size;
    for (const [at, { version, value }] of history.entries()) {
      if (version !== newest - at)
        problems.push(`${key}: version ${version} follows ${newest - at + 1} in its history`);
      if (!isWhole(value)) problems.push(`${key}: version ${version} is torn`);
      if (marks.has(version) && marks.get(version) !== value.mark)
        problems.push(`${key}: version ${version} was acknowledged as ${marks.get(version)} and is ${value.mark}`);
    }
  }
  // Each process does one thing at a time: of those that nobody acknowledged there is at most one for each that was killed.
  if (holes > kills) problems.push(`${holes} versions that nobody acknowledged, after ${kills} kills`);
  return problems;
}

function groupByKey(shares) {
  const groups = new Map();
  for (const share of shares) groups.set(share[0], [...(groups.get(share[0]) ?? []), share]);
  return groups;
}

async function checkPublished({ bus }, lines) {
  const found = new Map((await allEvents(bus, "chaos.*")).map(({ id, data }) => [id, data.mark]));
  return said(lines, "published")
    .filter(([id, mark]) => found.get(id) !== mark)
    .map(([id, mark]) => `the event ${id} (${mark}) was acknowledged and is lost`);
}
