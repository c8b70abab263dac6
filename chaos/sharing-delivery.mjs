/** Events to a durable subscriber that is killed again and again: each comes at least once, and in the one order. */
import { setTimeout as sleep } from "node:timers/promises";
import { allEvents, isReady, openSharing, said } from "./sharing-parts.mjs";
import { newProof, start, until } from "./store-parts.mjs";

const isAlive = ({ child }) => child.exitCode === null && child.signalCode === null;

/** A durable subscriber is killed while events come, and another one takes its name. */
export async function proveDelivered(folder, random, kills) {
  const proof = newProof("kill -9 of a durable subscriber");
  const publisher = await openSharing(folder);
  const published = [];
  const ended = new AbortController();
  const publishing = publishUntil(ended.signal, publisher.bus, published);
  const beginOne = () =>
    start(new URL("./sharing-worker.mjs", import.meta.url), [folder, "subscribe", "reader", random.below(2 ** 30)]);
  const lives = [];
  try {
    for (let at = 0; at < kills; at += 1) {
      const life = beginOne();
      lives.push(life);
      // Now and then another one stands by for the same name.
      if (random.below(6) === 0) lives.push(beginOne());
      await isReady(life);
      await until("it has got something", () => lives.some((one) => isAlive(one) && said(one.lines, "got").length > 0));
      // Shorter and longer than a place waits until it is kept.
      await sleep(random.below(250));
      for (const one of lives.filter(isAlive)) {
        one.child.kill("SIGKILL");
        await one.ended;
        if (said(one.lines, "got").length > 0) proof.fired += 1;
      }
      for (const { child, ended: end } of lives.filter((one) => one.child.exitCode !== null)) {
        proof.failures.push(`a subscriber ended with ${child.exitCode}: ${(await end).errors.slice(-600)}`);
      }
    }
    ended.abort();
    await publishing;
    const last = beginOne();
    lives.push(last);
    const { id: end } = await publisher.bus.publish({ type: "chaos.end", sessionId: null, data: { number: -1 } });
    await until(
      "the last one has got the end",
      () => last.lines.some((line) => line.startsWith(`got ${end} `)),
      60_000,
    );
    last.child.kill("SIGKILL");
    await last.ended;
    const order = await allEvents(publisher.bus, "chaos.*");
    checkDelivered(proof, { order, published, lives });
  } finally {
    ended.abort();
    for (const { child } of lives) child.kill("SIGKILL");
    await publisher.close();
  }
  proof.count = published.length;
  proof.name += ` (${proof.fired} kills)`;
  return proof;
}

async function publishUntil(signal, bus, published) {
  for (let number = 0; !signal.aborted; number += 1) {
    const { id } = await bus.publish({ type: "chaos.told", sessionId: null, data: { number } });
    published.push(id);
    // What is not waited for comes in the same order.
    if (number % 10 === 0) bus.publishSoon({ type: "chaos.aside", sessionId: null, data: { number } });
    if (number % 3 === 0) await sleep(5);
  }
}

function checkDelivered(proof, { order, published, lives }) {
  const places = new Map(order.map(({ id }, place) => [id, place]));
  for (const id of published) if (!places.has(id)) proof.failures.push(`the event ${id} was acknowledged and is lost`);
  if (places.size !== order.length) proof.failures.push("two events have one id");
  let reached = -1;
  let again = 0;
  for (const { lines } of lives) {
    if (lines.includes("gap")) proof.failures.push("a gap was told where nothing was removed");
    const got = said(lines, "got").map(([id]) => places.get(id));
    if (got.length === 0) continue;
    // Each life goes on at the latest behind where the last one was, and leaves nothing out.
    if (got[0] > reached + 1) proof.failures.push(`a life began at ${got[0]}, and the last one had come to ${reached}`);
    again += Math.max(0, reached + 1 - got[0]);
    for (let at = 1; at < got.length; at += 1)
      if (got[at] !== got[at - 1] + 1) proof.failures.push(`within a life ${got[at]} came after ${got[at - 1]}`);
    reached = Math.max(reached, got.at(-1));
  }
  if (reached !== order.length - 1) proof.failures.push(`it ended at ${reached} of ${order.length - 1}`);
  proof.name += ` (${again} events came again)`;
}
