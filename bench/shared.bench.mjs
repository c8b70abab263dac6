/**
 * What tools tell each other, in a store of 100,000 entries: to share one and to get one, and from a publication to its
 * delivery. Beside them stands bare SQLite, with the statement that cannot be done without. Of many shares in a row one
 * waits for the disk: it begins SQLite's log anew.
 */
import { EventEmitter } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { asAllowed, compare } from "./measure.mjs";
import { fill, imageOf, nameOf, openBare, openShared, producer } from "./shared-parts.mjs";

const ENTRIES = 100_000;
const SESSIONS = ENTRIES / 100;
const ACTIVE = 4;
const CALLS = 2000;

export async function run() {
  const shared = await openShared();
  const bare = openBare(ENTRIES);
  try {
    await fill(shared.context, ENTRIES);
    return [...(await entries(shared, bare)), ...(await events(shared, bare))];
  } finally {
    bare.close();
    await shared.close();
  }
}

/** What was compared, and once more beside what is allowed, which is a gate. */
async function gated(comparison, allowedMs) {
  const compared = await compare(comparison);
  const name = `${comparison.name}, the limit`;
  return [compared, asAllowed({ name, ours: compared.ours, allowed: { p50: allowedMs, p95: allowedMs } })];
}

/** One key after the other of the active sessions in turn. */
function namesOfActive() {
  let at = 0;
  return () => {
    at += 1;
    return nameOf(at % ACTIVE, Math.floor(at / ACTIVE) % 100);
  };
}

/** Keys that were not there before, in any session. */
function newName() {
  let at = 100;
  return () => nameOf(Math.floor(Math.random() * SESSIONS), (at += 1));
}

const anyName = () => nameOf(Math.floor(Math.random() * SESSIONS), Math.floor(Math.random() * 100));

/** The time of one act, before which the event loop had a turn: what is left for later is done then, as in a server. */
const timed = (act) => async () => {
  await nextTurn();
  const begun = performance.now();
  await act();
  return performance.now() - begun;
};

const sides = (names, act, other) => ({
  ours: timed(() => act(names())),
  baseline: { name: "bare SQLite", call: timed(() => other(names())) },
});

async function entries({ context }, bare) {
  const share = (name) => context.share({ ...name, value: imageOf(name.key), producer });
  const shareIn = (names) => sides(names, share, (name) => bare.share(name, imageOf(name.key)));
  const getIn = (names) =>
    sides(
      names,
      (name) => context.get(name),
      (name) => bare.get(name),
    );
  const known = `${ENTRIES} entries`;
  const active = namesOfActive();
  return [
    ...(await gated({ name: `share, ${known}, ${ACTIVE} active sessions`, ...shareIn(active), calls: CALLS }, 0.05)),
    ...(await gated({ name: `get, ${known}, ${ACTIVE} active sessions`, ...getIn(active), calls: CALLS }, 0.05)),
    await compare({ name: `share, ${known}, any of ${SESSIONS} sessions`, ...shareIn(anyName), calls: CALLS }),
    await compare({ name: `get, ${known}, any of ${SESSIONS} sessions`, ...getIn(anyName), calls: CALLS }),
    await compare({ name: `share of a new key, ${known}`, ...shareIn(newName()), calls: CALLS }),
    await compare({
      name: `share over a full history, ${known}`,
      ours: timed(() => share(nameOf(0, 0))),
      baseline: { name: "bare SQLite, no history", call: timed(() => bare.share(nameOf(0, 0), imageOf("one"))) },
      calls: CALLS,
    }),
    await compare({
      name: `the history of one entry, ${known}`,
      ours: () => context.history(nameOf(0, 0)),
      baseline: { name: "get", call: () => context.get(nameOf(0, 0)) },
    }),
    await compare({
      name: `the newest 9 entries of a session, ${known}`,
      ours: () => context.query({ sessionId: "ses_1", limit: 9 }),
      baseline: { name: "get", call: () => context.get(nameOf(1, 0)) },
    }),
  ];
}

const told = (number) => ({
  type: "tool.completed",
  sessionId: "ses_1",
  correlationId: "cor_0000000001",
  executionId: "exe_0000000001",
  data: { tool: "build_image", parent: null, durationMs: number, dryRun: false },
});

async function events({ events: bus }, bare) {
  const soon = await publishedSoon(bus);
  let hear;
  const subscription = bus.subscribe({ pattern: "tool.*", handler: () => hear() });
  await subscription.caughtUp();
  const emitter = new EventEmitter().on("told", () => hear());
  const heard = (publish) => async () => {
    await nextTurn();
    const begun = performance.now();
    const delivered = new Promise((resolve) => (hear = () => resolve(performance.now() - begun)));
    publish();
    return delivered;
  };
  let number = 0;
  const next = () => told((number += 1));
  const barely = () => {
    const event = next();
    bare.publish(event);
    emitter.emit("told", event);
  };
  const delivery = await gated(
    {
      name: "from a publication to its delivery in this process",
      ours: heard(() => void bus.publish(next())),
      baseline: { name: "EventEmitter and bare SQLite", call: heard(barely) },
      calls: CALLS,
    },
    0.1,
  );
  await subscription.close();
  return [...delivery, ...soon];
}

/** With nobody listening: what the call costs, and what an event costs with its writing. */
async function publishedSoon(bus) {
  const TOGETHER = 200;
  const many = (written) => async () => {
    const begun = performance.now();
    for (let at = 0; at < TOGETHER; at += 1) bus.publishSoon(told(at));
    const called = performance.now() - begun;
    // What waits is written before what is waited for.
    await bus.publish(told(TOGETHER));
    return (written ? performance.now() - begun : called) / TOGETHER;
  };
  return [
    await compare({
      name: "publishSoon, nobody listens: the call",
      ours: many(false),
      baseline: { name: `with its writing, ${TOGETHER} together`, call: many(true) },
      calls: 30,
    }),
  ];
}
