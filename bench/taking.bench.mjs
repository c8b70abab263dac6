/** What the runtime does more for a tool that takes an entry and leaves one than for one that does neither. */
import { compare } from "./measure.mjs";
import { createRuntime, createSessionStore, defineTool, imageOf, openShared, z } from "./shared-parts.mjs";

const SESSIONS = 4;

const toolOf = (name, more) =>
  defineTool({
    name,
    title: "Nothing",
    description: "Does nothing.",
    toolset: "server",
    input: z.object({ image: z.string() }),
    output: z.object({ image: z.string() }),
    annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    run: ({ image }) => Promise.resolve({ image }),
    ...more,
  });

const tools = [
  toolOf("do_nothing", {}),
  toolOf("take_nothing_leave_one", {
    produces: [{ type: "image", from: ({ image }) => [{ key: image, value: imageOf(image) }] }],
  }),
  toolOf("take_one_leave_nothing", { consumes: [{ type: "image", fills: { image: "reference" } }] }),
  toolOf("take_one_leave_one", {
    consumes: [{ type: "image", fills: { image: "reference" } }],
    produces: [{ type: "image", from: ({ image }) => [{ key: image, value: imageOf(image) }] }],
  }),
];

export async function run() {
  const { storage, events, context, close } = await openShared();
  const sessions = createSessionStore(storage);
  const plugins = [{ name: "bench", version: "0.0.0", apiVersion: 1, tools }];
  const runtime = createRuntime({ plugins, sessions, context, events });
  const ids = await Promise.all(Array.from({ length: SESSIONS }, async () => (await sessions.openSession()).id));
  const inTurn = (tool, input) => {
    let at = 0;
    return async () => {
      at = (at + 1) % ids.length;
      const outcome = await runtime.execute({ tool, input: { ...input, sessionId: ids[at] } });
      if (!outcome.ok) throw new Error(outcome.error.message);
    };
  };
  const given = { image: "shop:1" };
  const baseline = { name: "one that does neither", call: inTurn("do_nothing", given) };
  const beside = (name, ours) => compare({ name: `a call of a tool that ${name}`, ours, baseline, calls: 1000 });
  try {
    // Whoever takes finds one.
    const leave = inTurn("take_nothing_leave_one", given);
    for (let at = 0; at < SESSIONS; at += 1) await leave();
    return [
      await beside("leaves an entry", inTurn("take_nothing_leave_one", given)),
      await beside("takes an entry", inTurn("take_one_leave_nothing", {})),
      await beside("takes an entry and leaves one", inTurn("take_one_leave_one", {})),
    ];
  } finally {
    await runtime.close();
    await close();
  }
}
