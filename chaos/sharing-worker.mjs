/**
 * A process that shares a store with others, until it has done what it was told, or is killed:
 * `node sharing-worker.mjs <folder> count <sessionId> <lanes> <rounds>` counts in one entry, by read, add and share.
 * `node sharing-worker.mjs <folder> share <sessionId> <seed>` shares, removes and publishes without end.
 * `node sharing-worker.mjs <folder> subscribe <name> <seed>` takes the events of a durable name, and fails now and then.
 *
 * What was acknowledged is a line on stdout, written before anything else is done.
 */
import { writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom } from "./random.mjs";
import { noteOf, openSharing, producerOf } from "./sharing-parts.mjs";

const [folder, mode, ...rest] = process.argv.slice(2);
// Not by process.stdout: where its reader is slow it keeps lines in this process, and a kill takes them along.
const say = (...words) => writeSync(1, `${words.join(" ")}\n`);
const me = `p${process.pid}`;
const { bus, context, close } = await openSharing(folder, { events: { pollMs: 5 } });

if (mode === "count") await count(rest[0], Number(rest[1]), Number(rest[2]));
if (mode === "share") await shareWithoutEnd(rest[0], createRandom(Number(rest[1])));
if (mode === "subscribe") subscribe(rest[0], createRandom(Number(rest[1])));

async function count(sessionId, lanes, rounds) {
  say("ready");
  await new Promise((resolve) => process.stdin.once("data", resolve));
  let conflicts = 0;
  const lane = async (number) => {
    for (let round = 0; round < rounds;) {
      const present = await context.get({ sessionId, type: "note", key: "counter" });
      try {
        const { version } = await context.share({
          sessionId,
          type: "note",
          key: "counter",
          value: noteOf(`${me}-${number}-${round}`, { count: (present?.value.count ?? 0) + 1 }),
          producer: producerOf(me),
          expectedVersion: present?.version ?? 0,
        });
        say("counted", version);
        round += 1;
      } catch (error) {
        if (error.code !== "CONFLICT") throw error;
        conflicts += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
  say("conflicts", conflicts);
  await close();
  process.exit(0);
}

/** One thing at a time, so that a kill leaves at most one that was done and not acknowledged. */
async function shareWithoutEnd(sessionId, random) {
  say("ready");
  for (let at = 0; ; at += 1) {
    const mark = `${me}-${at}`;
    const isOwn = random.below(3) === 0;
    const key = isOwn ? `${me}-own-${random.below(4)}` : `common-${random.below(20)}`;
    const name = { sessionId, type: "note", key };
    const act = random.below(20);
    if (act === 0) {
      const event = await bus.publish({ type: "chaos.told", sessionId, data: { mark } });
      say("published", event.id, mark);
    } else if (isOwn && act < 3) {
      await context.remove(name);
      say("removed", key, mark);
    } else {
      const length = random.below(random.below(10) === 0 ? 20_000 : 300);
      const entry = { ...name, value: noteOf(mark, { count: at, length }), producer: producerOf(me) };
      const { version } = await context.share(entry);
      say("shared", key, version, mark);
    }
  }
}

function subscribe(name, random) {
  // A subscription alone keeps no process alive.
  process.stdin.resume();
  bus.subscribe({
    name,
    pattern: "chaos.*",
    from: "start",
    handler: async ({ id, data }) => {
      if (random.below(300) === 0) throw new Error("a fault of the handler");
      if (random.below(10) === 0) await sleep(random.below(3));
      say("got", id, data.number);
    },
    onGap: () => say("gap"),
  });
  say("ready");
}
