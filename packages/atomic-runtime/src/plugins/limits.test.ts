/** How much an untrusted plugin may use and say (L04, L09), and that what runs is what was looked at (L11). */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { codeOf, contextOf, meanwhile, pluginRig, source } from "../../test/plugin-rig.ts";

const good = { echo_text: `return { text: input.text };` };

const nested = `"[".repeat(300_000) + "]".repeat(300_000)`;
test.each([
  ["a result", 3, `'{"kind":"done","id":1,"result":{"text":' + ${nested} + "}}"`],
  ["a log line", 3, `'{"kind":"log","id":1,"level":"info","message":"m","fields":{"a":' + ${nested} + "}}"`],
  ["a question", 4, `'{"verb":"push","labels":' + ${nested} + "}"`],
])("L04 %s that is nested without end costs its own call", async (_name, pipe, frame) => {
  const rig = await pluginRig();
  const send = `const all = Buffer.from(${frame} + "\\n"); for (let at = 0; at < all.length;) { try { at += writeSync(${pipe}, all, at); } catch {} }
    await new Promise(() => {});`;
  await rig.write("bad", source({ ...good, be_bad: send }, `import { writeSync } from "node:fs";`));
  const tool = await rig.tools({ package: "./bad" });
  expect(await meanwhile(tool("be_bad").run({ text: "" }, contextOf()), tool("echo_text"))).toBe(
    "OUTPUT_INVALID: plugin ./bad sent a message that cannot be read",
  );
});

test.each([
  ["messages of other calls", 3, `{"kind":"log","id":99,"level":"info","message":"m"}`],
  ["refusals", 3, `{"kind":"denied","what":"m"}`],
  ["questions", 4, `{"verb":"read"}`],
])("L04 %s without end are counted, and end the process", async (_name, pipe, frame) => {
  const rig = await pluginRig();
  const send = `let rest = Buffer.alloc(0); const many = Buffer.from((${JSON.stringify(frame)} + "\\n").repeat(1000));
    for (;;) { if (rest.length === 0) rest = many; try { rest = rest.subarray(writeSync(${pipe}, rest)); } catch {} }`;
  await rig.write("bad", source({ ...good, be_bad: send }, `import { writeSync } from "node:fs";`));
  const tool = await rig.tools({ package: "./bad" });
  expect(await meanwhile(tool("be_bad").run({ text: "" }, contextOf()), tool("echo_text"))).toBe(
    "PLUGIN_FAILED: plugin ./bad sent more than 16 MiB of messages in one call",
  );
  expect(rig.log.filter(({ message }) => message.startsWith("the plugin was refused")).length).toBeLessThanOrEqual(100);
});

test.each([
  ["the heap", `const all = []; for (;;) all.push(new Array(100_000).fill(Math.random()));`],
  [
    "memory outside of the heap",
    `const all = []; for (;;) { all.push(Buffer.alloc(8 * 1024 * 1024, 1)); await new Promise((resolve) => setTimeout(resolve, 5)); }`,
  ],
])("L09 a plugin that fills %s is ended at its limit", async (_name, body) => {
  const rig = await pluginRig();
  await rig.write("leaky", source({ ...good, be_bad: body }));
  const tool = await rig.tools({ package: "./leaky" }, { heapMiB: 64 });
  const result = await meanwhile(tool("be_bad").run({ text: "" }, contextOf()), tool("echo_text"));
  expect(result).toMatch(/PLUGIN_FAILED: plugin \.\/leaky .*(?:MiB)/);
});

test("L09 a plugin that fills the memory after its call has ended is ended too, and so is one that does it on load", async () => {
  const rig = await pluginRig();
  const fill = `const all = []; setInterval(() => all.push(Buffer.alloc(32 * 1024 * 1024, 1)), 5);`;
  await rig.write("leaky", source({ leak_later: `${fill} return { text: String(process.pid) };` }));
  const leak = (await rig.tools({ package: "./leaky" }, { heapMiB: 64 }))("leak_later");
  const { text } = (await leak.run({ text: "" }, contextOf())) as { text: string };
  const isAlive = (): boolean => {
    try {
      return process.kill(Number(text), 0);
    } catch {
      // No such process.
      return false;
    }
  };
  await expect.poll(isAlive, { timeout: 10_000 }).toBe(false);
  await rig.write("greedy", `${fill} await new Promise(() => {});`);
  const { reports } = await rig.load([{ package: "./greedy" }], { heapMiB: 64 });
  expect(reports[0]?.problem?.message).toContain("used more than 128 MiB of memory");
});

test("L11 a plugin that is replaced while the server runs does not run under its old words or sum", async () => {
  const rig = await pluginRig();
  const body = `if (input.text === "exit") process.exit(1); return { text: "old" };`;
  const path = await rig.write("swapped", source({ say_what: body }));
  const write = (changed: string): Promise<void> => writeFile(join(path, "index.js"), changed);
  const expected = "PLUGIN_INVALID: the files of plugin ./swapped were replaced while the server ran";
  const [report] = (await rig.load([{ package: "./swapped" }])).reports;
  const otherCode = source({ say_what: body.replace("old", "new") });
  const otherWords = source({ say_what: body }).replace("For a test.", "Other words.");
  const sayAfter = async (change: string, integrity?: string): Promise<string> => {
    const say = (await rig.tools({ package: "./swapped", integrity }, { processes: 1 }))("say_what");
    await write(change);
    await codeOf(say.run({ text: "exit" }, contextOf()));
    const said = await codeOf(say.run({ text: "" }, contextOf()));
    await write(source({ say_what: body }));
    return said;
  };
  expect(await sayAfter(otherWords)).toBe(expected);
  expect(await sayAfter(otherCode, report?.integrity)).toBe(expected);
  expect(await sayAfter(otherCode)).toBe(`ok: {"text":"new"}`);
});

test("L09 a plugin that nobody ends is ended by the limit of its processor time", async () => {
  const rig = await pluginRig();
  await rig.write("busy", source({ ...good, be_bad: `for (;;) {}` }));
  const tool = await rig.tools({ package: "./busy" }, { cpuSeconds: 1 });
  const result = await meanwhile(tool("be_bad").run({ text: "" }, contextOf()), tool("echo_text"));
  expect(result).toMatch(/PLUGIN_FAILED: plugin \.\/busy was ended by SIG(?:XCPU|KILL)/);
});
