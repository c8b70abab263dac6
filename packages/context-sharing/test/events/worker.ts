/**
 * A process of its own on a bus, for tests that kill it: `worker MODE URL ARGUMENT`. It says what it did as lines of JSON,
 * and goes on until it is killed.
 *
 * - `tell` says each event that it sees, publishes 500 for the session ARGUMENT and says each that was acknowledged
 * - `keep` says each event that it handles under the name ARGUMENT, 2 ms each
 */
import { setTimeout as sleep } from "node:timers/promises";
import { openStorage } from "@container-kit/storage";
import { createEventBus } from "../../src/events/event-bus.ts";

const [mode = "", url = "", argument = ""] = process.argv.slice(2);
const COUNT = 500;

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function tell(): Promise<void> {
  const storage = await openStorage(url);
  const bus = createEventBus(storage);
  bus.subscribe({ pattern: "**", from: "start", handler: ({ id }) => say({ seen: id }) });
  for (let n = 0; n < COUNT; n += 1) {
    const { id } = await bus.publish({ type: "tool.completed", sessionId: argument, data: { n } });
    say({ told: id });
    // Others have their turn, as between two calls.
    if (n % 10 === 0) await sleep(1);
  }
  await forever();
}

async function keep(): Promise<void> {
  const storage = await openStorage(url);
  const bus = createEventBus(storage);
  const subscription = bus.subscribe({
    pattern: "**",
    name: argument,
    from: "start",
    async handler({ data }) {
      await sleep(2);
      say({ handled: data["n"] });
    },
  });
  say({ state: subscription.state });
  await forever();
}

/** Until it is killed: its timers alone would not keep it alive. */
function forever(): Promise<never> {
  return new Promise(() => setInterval(() => {}, 1000));
}

const modes: Readonly<Record<string, () => Promise<void>>> = { tell, keep };

modes[mode]?.().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
