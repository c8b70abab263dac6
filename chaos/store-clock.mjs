/** The wall clock of all processes jumps, far ahead and far back, while sessions are used and jobs run. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadTestkit, newProof, start, until } from "./store-parts.mjs";

const LEASE_MS = 800;
const DAY = 86_400;

const JUMPS = [
  { name: "30 days ahead", seconds: () => 30 * DAY },
  { name: "a day back", seconds: () => -DAY },
  { name: "back to 1970", seconds: () => -Math.floor(Date.now() / 1000) + 60 },
  { name: "an hour ahead and back each time", seconds: (turn) => (turn % 2 === 0 ? 3600 : -3600) },
];

export async function proveClock(base) {
  const proof = newProof("clocks that jump");
  const { nativeObstacle, prepareSystemFaults } = await loadTestkit();
  const obstacle = await nativeObstacle();
  if (obstacle !== undefined) return { ...proof, skipped: [obstacle] };
  const faults = await prepareSystemFaults();
  try {
    for (const { name, seconds } of JUMPS) {
      const folder = join(base, `clock ${name}`);
      mkdirSync(folder);
      faults.moveClock(0);
      await jump(proof, { name, seconds, folder, faults });
    }
  } finally {
    faults.close();
  }
  return proof;
}

function begin({ folder, faults }) {
  const worker = start(new URL("./store-clock-worker.mjs", import.meta.url), [folder, LEASE_MS], {
    env: faults.environment(),
  });
  const ask = async (line) => {
    const before = worker.lines.length;
    worker.child.stdin.write(`${line}\n`);
    await until(`an answer to ${line}`, () => worker.lines.length > before || worker.child.exitCode !== null);
    return worker.lines[before] ?? `the worker ended with ${worker.child.exitCode}`;
  };
  return { ...worker, ask };
}

async function jump(proof, world) {
  const { name, seconds, faults } = world;
  const owner = begin(world);
  const observer = begin(world);
  const expect = (what, answer, isRight) => {
    if (!isRight) proof.failures.push(`${name}: ${what}: ${answer}`);
  };
  proof.count += 1;
  try {
    const session = await owner.ask("open");
    await observer.ask("open");
    const job = await owner.ask("queue");
    await owner.ask("claim");
    const before = Date.parse(await owner.ask("time"));
    for (let turn = 0; turn < 4; turn += 1) {
      await owner.ask("begin");
      faults.moveClock(seconds(turn));
      if (turn === 0 && Math.abs(Date.parse(await owner.ask("time")) - before) > 600_000) proof.fired += 1;
      const duration = await owner.ask("end");
      expect("an execution's", duration, Number(duration.slice(9)) >= 0 && Number(duration.slice(9)) < 60_000);
      const used = await owner.ask("use");
      expect("a session in use", used, used === session);
      await sleep(LEASE_MS / 2);
      const seen = await observer.ask(`look ${job}`);
      expect("a job whose owner lives", seen, seen === "running");
    }
    owner.child.kill("SIGKILL");
    await owner.ended;
    const gone = async () => (await observer.ask(`look ${job}`)) === "interrupted";
    await until("a dead owner's job is interrupted", gone, 10_000).catch((error) =>
      expect("a job", error.message, false),
    );
  } finally {
    owner.child.kill("SIGKILL");
    observer.child.kill("SIGKILL");
    await Promise.all([owner.ended, observer.ended]);
  }
}
