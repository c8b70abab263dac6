/**
 * A process that asks where failures go, in chains that others ask about too, until it is told to end or is killed:
 * `node routing-worker.mjs <folder> <sessionId> <seed> <from>`. It has some chains at a time, beginning with number
 * `from`; where one has spent its budget the next takes its place. Each decision is a line.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "./random.mjs";
import { failureOf, openRouting } from "./routing-parts.mjs";

const AT_A_TIME = 4;

const [folder, sessionId, seed, from] = process.argv.slice(2);
const say = (...words) => process.stdout.write(`${words.join(" ")}\n`);
const random = createRandom(Number(seed));
const { routing, close } = await openRouting(folder);

const ended = new AbortController();
process.stdin.once("data", () => ended.abort());
say("ready");
let next = Number(from) + AT_A_TIME;
const chains = Array.from({ length: AT_A_TIME }, (_, at) => Number(from) + at);
while (!ended.signal.aborted) {
  const place = random.below(AT_A_TIME);
  const path = `/app/${chains[place]}`;
  const decision = await routing.failed({
    ...failureOf(random, { tool: "build_image", input: { context: path } }),
    sessionId,
    executionId: `exe_${randomUUID()}`,
    correlationId: `cor_${process.pid}`,
  });
  say("decided", path, decision?.action ?? "null", decision?.rule ?? "none");
  if (decision?.rule === "chain-budget") {
    chains[place] = next;
    next += 1;
  }
  if (random.below(2) === 0) await sleep(random.below(4));
}
await close();
process.exit(0);
