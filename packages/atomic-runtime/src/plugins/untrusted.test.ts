/** What an untrusted plugin may do wrong while it is called (L01 to L05, L07 to L09): each proves that only its own call is harmed. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { codeOf, contextOf, meanwhile, pluginRig, source, stoppable } from "../../test/plugin-rig.ts";
import { fail } from "../errors.ts";
import type { ToolContext } from "../types.ts";

const good = { echo_text: `return { text: input.text };` };

test("a tool of an untrusted plugin answers, tells progress, logs, keeps notes and suggests what is next", async () => {
  const rig = await pluginRig();
  const more = `async undo(notes, { logger }) { logger.info("undone", { notes }); },
    next: (result) => [{ tool: "echo_text", reason: "again", arguments: { text: result.text } }],
    summarize: ({ text }) => "said " + text,`;
  const body = `await context.willMake({ made: 1 }); context.report({ message: "half", current: 1, total: 2, unit: "steps" });
    context.logger.info("working"); console.log("printed"); return { text: input.text + context.sessionId };`;
  await rig.write("full", source({ echo_text: body }, "", more));
  const tool = (await rig.tools({ package: "./full" }))("echo_text");
  const heard: unknown[] = [];
  const input = { text: "hi " };
  const context = contextOf(undefined, {
    report: (progress) => void heard.push(progress),
    willMake: async (note) => void heard.push(note),
  });
  const result = await tool.run(input, context);
  expect(result).toEqual({ text: "hi s" });
  expect(heard).toEqual([{ made: 1 }, { message: "half", current: 1, total: 2, unit: "steps" }]);
  expect(tool.next?.(result, input)).toEqual([{ tool: "echo_text", reason: "again", arguments: { text: "hi s" } }]);
  expect(tool.summarize?.(result, input)).toBe("said hi s");
  await tool.undo?.([{ made: 1 }], { ...context, signal: AbortSignal.timeout(5_000) });
  await expect.poll(() => rig.log.some(({ text }) => text === "printed")).toBe(true);
});

test("L01 what a tool throws is an error that names the plugin; a code of its own stays", async () => {
  const rig = await pluginRig();
  const coded = `throw Object.assign(new Error("no disk"), { [Symbol.for("container-kit.error")]: true, code: "STORE_FULL",
    category: "session", remedy: "Free some.", retryable: false, fault: "environment" });`;
  await rig.write(
    "bad",
    source({ ...good, throw_error: `throw new Error("broken");`, throw_text: `throw "text";`, throw_code: coded }),
  );
  const tool = await rig.tools({ package: "./bad" });
  expect(await meanwhile(tool("throw_error").run({ text: "" }, contextOf()), tool("echo_text"))).toBe(
    "PLUGIN_FAILED: plugin ./bad failed: broken",
  );
  expect(await codeOf(tool("throw_text").run({ text: "" }, contextOf()))).toContain(
    "PLUGIN_FAILED: plugin ./bad failed: threw text",
  );
  expect(await codeOf(tool("throw_code").run({ text: "" }, contextOf()))).toBe("STORE_FULL: no disk");
});

test.each([
  ["L02 never resolves", `await new Promise(() => {}); return input;`],
  ["L03 blocks its event loop", `for (;;) {}`],
])("%s: the call is ended at its deadline or cancellation, others go on", async (_name, body) => {
  const rig = await pluginRig();
  await rig.write("bad", source({ ...good, be_bad: body }));
  const tool = await rig.tools({ package: "./bad" });
  const late = tool("be_bad").run({ text: "" }, contextOf(stoppable("TOOL_TIMEOUT", 50)));
  expect(await meanwhile(late, tool("echo_text"))).toBe("TOOL_TIMEOUT: told to stop: TOOL_TIMEOUT");
  const cancelled = tool("be_bad").run({ text: "" }, contextOf(stoppable("CANCELLED", 50)));
  expect(await codeOf(cancelled)).toBe("CANCELLED: told to stop: CANCELLED");
});

test("a tool that heeds its signal ends by itself, and its process is used again", async () => {
  const rig = await pluginRig();
  const body = `if (input.text === "pid") return { text: String(process.pid) };
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve)); throw context.signal.reason;`;
  await rig.write("kind", source({ wait_kindly: body }));
  const wait = (await rig.tools({ package: "./kind" }, { processes: 1 }))("wait_kindly");
  const before = await wait.run({ text: "pid" }, contextOf());
  expect(await codeOf(wait.run({ text: "" }, contextOf(stoppable("CANCELLED", 30))))).toContain("told to stop");
  expect(await wait.run({ text: "pid" }, contextOf())).toEqual(before);
});

test.each([
  ["the wrong schema", `return { text: 1 };`, "OUTPUT_INVALID"],
  ["itself", `const a = { text: "a" }; a.a = a; return Object.assign(a, { text: a });`, "OUTPUT_INVALID"],
  ["a BigInt", `return { text: 1n };`, "OUTPUT_INVALID"],
  ["200 MiB", `return { text: "x".repeat(200 * 1024 * 1024) };`, "OUTPUT_INVALID"],
  ["a getter that throws", `return { get text() { throw new Error("trap"); } };`, "PLUGIN_FAILED"],
  ["a Proxy that throws", `return new Proxy({}, { get() { throw new Error("trap"); } });`, "PLUGIN_FAILED"],
  ["nothing", ``, "OUTPUT_INVALID"],
])("L04 a tool that returns %s costs its own call", async (_name, body, code) => {
  const rig = await pluginRig();
  await rig.write("bad", source({ ...good, be_bad: body }));
  const tool = await rig.tools({ package: "./bad" });
  expect(await meanwhile(tool("be_bad").run({ text: "" }, contextOf()), tool("echo_text"))).toContain(`${code}: `);
});

test("L04 a message that is too long, or none, ends the process before it is parsed", async () => {
  const rig = await pluginRig();
  const flood = `for (let left = 3 * 1024 * 1024; left > 0;) { try { left -= writeSync(3, "x".repeat(65536)); } catch {} }
    await new Promise(() => {});`;
  await rig.write(
    "bad",
    source(
      { ...good, send_much: flood, send_rubbish: `writeSync(3, "rubbish\\n"); await new Promise(() => {});` },
      `import { writeSync } from "node:fs";`,
    ),
  );
  const tool = await rig.tools({ package: "./bad" });
  expect(await meanwhile(tool("send_much").run({ text: "" }, contextOf()), tool("echo_text"))).toContain(
    "OUTPUT_INVALID: plugin ./bad sent a message of more than",
  );
  expect(await codeOf(tool("send_rubbish").run({ text: "" }, contextOf()))).toContain(
    "OUTPUT_INVALID: plugin ./bad sent a message that is not JSON",
  );
});

test.each([
  ["process.exit", `process.exit(3);`, "ended its process with status 3"],
  [
    "an error outside of its promise",
    `setTimeout(() => { throw new Error("late"); }); await new Promise(() => {});`,
    "ended its process with status 1",
  ],
  [
    "9 MiB on stdout",
    `for (let i = 0; i < 9 * 16; i++) process.stdout.write("x".repeat(65536)); await new Promise(() => {});`,
    "printed more than 8 MiB",
  ],
])("L05 %s ends its own call", async (_name, body, expected) => {
  const rig = await pluginRig();
  await rig.write("bad", source({ ...good, be_bad: body }));
  const tool = await rig.tools({ package: "./bad" });
  expect(await meanwhile(tool("be_bad").run({ text: "" }, contextOf()), tool("echo_text"))).toContain(
    `PLUGIN_FAILED: plugin ./bad ${expected}`,
  );
});

test("a regular expression of a plugin's schema runs in its process alone, and refuses there", async () => {
  const rig = await pluginRig();
  const strict = source(good).replace(`text: z.string().default("")`, `text: z.string().regex(/^(a+)+$/)`);
  await rig.write("strict", strict);
  const echo = (await rig.tools({ package: "./strict" }))("echo_text");
  expect(await codeOf(echo.run({ text: "b" }, contextOf()))).toContain(
    "INVALID_INPUT: the input of echo_text is not valid",
  );
  const endless = { text: `${"a".repeat(40)}!` };
  expect(echo.input.safeParse(endless).success).toBe(true);
  const late = codeOf(echo.run(endless, contextOf(stoppable("TOOL_TIMEOUT", 50))));
  expect(await echo.run({ text: "aa" }, contextOf())).toEqual({ text: "aa" });
  expect(await late).toContain("TOOL_TIMEOUT");
});

test("L05 what a plugin prints is in the log, and its environment and folder are its own", async () => {
  const rig = await pluginRig();
  // Whether it may leave its folder hangs on what the granted paths have in common (Node 20): either way it harms nobody.
  const body = `console.log("on stdout"); console.error("on stderr"); try { process.chdir("/"); } catch {} process.env.PATH = "/evil"; return { text: Object.keys(process.env).join() };`;
  await rig.write("loud", source({ be_loud: body }));
  const tool = await rig.tools(
    { package: "./loud", environment: ["GRANTED"] },
    { environment: { GRANTED: "yes", SECRET: "no" } },
  );
  const cwd = process.cwd();
  const path = process.env["PATH"];
  expect(await tool("be_loud").run({ text: "" }, contextOf())).toEqual({ text: "GRANTED,PATH" });
  expect([process.cwd(), process.env["PATH"]]).toEqual([cwd, path]);
  await expect
    .poll(() => rig.log.filter(({ message }) => message === "the plugin printed").map(({ text }) => text))
    .toEqual(expect.arrayContaining(["on stdout", "on stderr"]));
});

const servers = async (): Promise<{ port: number; connections: () => number }> => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as { port: number }).port, connections: () => connections };
};

test("L07 files, the network and other processes that were not granted are refused, named and logged", async () => {
  const rig = await pluginRig();
  const { port, connections } = await servers();
  const attempts = {
    read: `fs.readFileSync("/etc/passwd")`,
    write: `fs.writeFileSync("own.txt", "x")`,
    list: `fs.readdirSync("/etc")`,
    spawn: `(await import("node:child_process")).execFileSync("id")`,
    worker: `new (await import("node:worker_threads")).Worker("1", { eval: true })`,
    socket: `await new Promise((resolve, reject) => net.connect(${port}, "127.0.0.1").once("connect", resolve).once("error", reject))`,
    socketClass: `new net.Socket().connect(${port}, "127.0.0.1")`,
    ownSocket: `process.stdout.connect(${port}, "127.0.0.1")`,
    http: `(await import("node:http")).get("http://127.0.0.1:${port}")`,
    fetch: `await fetch("http://127.0.0.1:${port}")`,
    dns: `await (await import("node:dns/promises")).lookup("localhost")`,
    udp: `(await import("node:dgram")).createSocket("udp4")`,
    kill: `process.kill(process.ppid, 0)`,
    debug: `process._debugProcess(process.ppid)`,
    binding: `process.binding("tcp_wrap")`,
    required: `createRequire(import.meta.url)("net").connect(${port})`,
    builtin: `process.getBuiltinModule("net").connect(${port})`,
    inspector: `(await import("node:inspector")).open()`,
    handles: `process._getActiveHandles()`,
    localSocket: `new process.stdout._handle.constructor(0).connect({}, "/var/run/docker.sock")`,
    localServer: `new process.stdout._handle.constructor(1).bind("own.sock")`,
    tcpHandle: `const { createSecureContext } = await import("node:_tls_common"); const { TLSSocket } = await import("node:_tls_wrap");
      new TLSSocket(undefined, { secureContext: createSecureContext() })._handle._parent.connect({}, "127.0.0.1", ${port})`,
  };
  const bodies = Object.entries(attempts).map(([name, code]) => `${name}: async () => { ${code}; }`);
  const body = `const attempts = { ${bodies.join(",")} }; const out = {};
    for (const [name, act] of Object.entries(attempts)) { try { await act(); out[name] = "allowed"; } catch (error) { out[name] = error.code ?? error.message; } }
    return { text: JSON.stringify(out) };`;
  await rig.write(
    "curious",
    source(
      { look_around: body, read_passwd: `fs.readFileSync("/etc/passwd");` },
      `import fs from "node:fs"; import net from "node:net"; import { createRequire } from "node:module";`,
    ),
  );
  const tool = await rig.tools({ package: "./curious" });
  const { text } = (await tool("look_around").run({ text: "" }, contextOf())) as { text: string };
  expect(JSON.parse(text)).toEqual(
    Object.fromEntries(Object.keys(attempts).map((name) => [name, "ERR_ACCESS_DENIED"])),
  );
  expect(connections()).toBe(0);
  expect(await codeOf(tool("read_passwd").run({ text: "" }, contextOf()))).toBe(
    "POLICY_DENIED: plugin ./curious was refused FileSystemRead /etc/passwd",
  );
  expect(
    rig.log.filter(({ message }) => message.startsWith("the plugin was refused")).map(({ what }) => what),
  ).toContain("net.connect");
});

test("L07 what was granted can be read and reached", async () => {
  const rig = await pluginRig();
  const { port, connections } = await servers();
  await mkdir(join(rig.folder, "granted"));
  await writeFile(join(rig.folder, "granted", "file.txt"), "content");
  const body = `await new Promise((resolve) => net.connect(${port}, "127.0.0.1").once("close", resolve).once("error", resolve));
    return { text: fs.readFileSync(input.text, "utf8") };`;
  await rig.write(
    "granted-plugin",
    source({ read_file: body }, `import fs from "node:fs"; import net from "node:net";`),
  );
  const tool = await rig.tools({ package: "./granted-plugin", read: [join(rig.folder, "granted")], network: true });
  expect(await tool("read_file").run({ text: join(rig.folder, "granted", "file.txt") }, contextOf())).toEqual({
    text: "content",
  });
  expect(connections()).toBe(1);
});

test("L07 who is granted the network is not granted the sockets of this machine, the engine's among them", async () => {
  const rig = await pluginRig();
  const path = join(rig.folder, "engine.sock");
  let connections = 0;
  const server = createServer(() => (connections += 1));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => void server.close());
  const body = `await new Promise((resolve, reject) => net.connect(input.text).once("connect", resolve).once("error", reject)); return input;`;
  await rig.write("granted-plugin", source({ reach_engine: body }, `import net from "node:net";`));
  const tool = await rig.tools({ package: "./granted-plugin", network: true });
  expect(await codeOf(tool("reach_engine").run({ text: path }, contextOf()))).toBe(
    "POLICY_DENIED: plugin ./granted-plugin was refused local socket.connect",
  );
  expect(connections).toBe(0);
});

test("L07 a link out of the package is refused before the plugin is loaded", async () => {
  const rig = await pluginRig();
  const path = await rig.write("linked", source(good));
  await symlink("/etc", join(path, "data"));
  const { plugins, reports } = await rig.load([{ package: "./linked" }]);
  expect(plugins).toEqual([]);
  expect(reports[0]?.problem).toMatchObject({
    code: "PLUGIN_INVALID",
    message: expect.stringContaining("leads out of its package") as string,
  });
});

test("L08 what a plugin does to the language stays in its process", async () => {
  const rig = await pluginRig();
  const before = `JSON.stringify = () => "{}"; Array.prototype.map = () => []; Object.prototype.polluted = true; Promise.prototype.then = undefined;`;
  await rig.write("vandal", source({ patch_all: `${before} return { text: "done" };`, ...good }));
  const tool = await rig.tools({ package: "./vandal" });
  const bad = tool("patch_all").run({ text: "" }, contextOf(stoppable("TOOL_TIMEOUT", 500)));
  await meanwhile(bad, tool("echo_text"));
  expect(JSON.stringify([1].map((one) => one + 1))).toBe("[2]");
  expect("polluted" in {}).toBe(false);
});

test("policies are asked before an untrusted tool runs, and their refusal is what it throws", async () => {
  const rig = await pluginRig();
  const acts = `acts: (input) => ({ verb: "push", registries: [input.text] }),`;
  await rig.write(
    "acting",
    source({ push_thing: `context.allow({ verb: "tag" }); return { text: "pushed" };` }, "", acts),
  );
  const tool = (await rig.tools({ package: "./acting" }))("push_thing");
  const asked: unknown[] = [];
  const allow: ToolContext["allow"] = (facts) => {
    asked.push(facts);
    if (facts.registries?.includes("evil.example") === true)
      throw fail("POLICY_DENIED", "evil.example is not allowed", { details: { rule: "registries" } });
  };
  expect(await tool.run({ text: "good.example" }, contextOf(undefined, { allow }))).toEqual({ text: "pushed" });
  expect(asked).toEqual([{ verb: "push", registries: ["good.example"] }, { verb: "tag" }]);
  expect(await codeOf(tool.run({ text: "evil.example" }, contextOf(undefined, { allow })))).toBe(
    "POLICY_DENIED: evil.example is not allowed",
  );
});

test("more calls than processes wait their turn, and one that waits can be cancelled", async () => {
  const rig = await pluginRig();
  await rig.write(
    "slow",
    source({
      wait_bit: `await new Promise((resolve) => setTimeout(resolve, Number(input.text))); return { text: input.text };`,
    }),
  );
  const wait = (await rig.tools({ package: "./slow" }, { processes: 1 }))("wait_bit");
  const first = wait.run({ text: "300" }, contextOf());
  const cancelled = codeOf(wait.run({ text: "0" }, contextOf(stoppable("CANCELLED", 30))));
  const third = wait.run({ text: "1" }, contextOf());
  expect(await cancelled).toBe("CANCELLED: told to stop: CANCELLED");
  expect(await Promise.all([first, third])).toEqual([{ text: "300" }, { text: "1" }]);
});
