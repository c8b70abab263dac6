/** What plugins share: types of entries, what their tools take and leave, and rules for failures. */
import { defaultRoutingRules } from "@container-kit/context-sharing";
import { expect, test } from "vitest";
import { z } from "zod";
import { contextRig } from "../../test/context-rig.ts";
import { pluginRig, source } from "../../test/plugin-rig.ts";
import { tool } from "../../test/rig.ts";
import { collectExtensions, createRuntime, definePlugin } from "../index.ts";
import type { Plugin } from "../index.ts";

const rule = {
  name: "notes-away",
  priority: 100,
  fromTool: "write_note",
  errorCodes: ["NOT_FOUND"],
  action: "fail",
  reason: "there is no note",
};
const noteType = (schema = "z.object({ text: z.string() })"): string => `{ name: "note", version: 2, schema: ${schema},
  upgrades: { 1: (value) => value } }`;
const sharing = (type: string, more = ""): string =>
  `plugin.contextTypes = [${type}]; plugin.routingRules = [${JSON.stringify(rule)}]; ${more}`;

test("an untrusted tool leaves entries and takes them, told like those of any other, and asks no other tool", async () => {
  const rig = await pluginRig();
  const written = source(
    {
      write_note: `return { text: input.text };`,
      read_note: `const note = context.entry("note"); let asked = "";
        try { await context.request("write_note", {}); } catch (error) { asked = error.code; }
        return { text: input.text + " " + note?.value.text + " " + note?.producer.tool + " " + asked };`,
    },
    "",
    `produces: [{ type: "note", from: (result) => result.text === "" ? [] : [{ key: "last", value: { text: result.text }, labels: { by: "test" } }] }],
     consumes: [{ type: "note", fills: { text: "text" } }],`,
  );
  await rig.write("notes", `${written}${sharing(noteType())}`);
  const { plugins } = await rig.load([{ package: "./notes" }], { takenTypes: ["image"] });
  const { runtime, openSession, context } = await contextRig([tool()], { plugins });
  const sessionId = await openSession();
  const wrote = await runtime.execute({ tool: "write_note", input: { sessionId, text: "hello" } });
  const note = { type: "note", key: "last", version: 1, tool: "write_note", executionId: wrote.executionId };
  expect(wrote).toMatchObject({ ok: true, context: { produced: [note] } });
  expect(await context.query({ sessionId })).toMatchObject([{ value: { text: "hello" }, labels: { by: "test" } }]);

  expect(await runtime.execute({ tool: "read_note", input: { sessionId } })).toMatchObject({
    ok: true,
    result: { text: "hello hello write_note POLICY_DENIED" },
    context: { used: [{ ...note, as: "text" }] },
  });
  expect(await runtime.execute({ tool: "read_note", input: { sessionId, text: "own" } })).toMatchObject({
    context: { used: [{ key: "last", tool: "read_note" }] },
  });
  expect(collectExtensions(plugins).routingRules).toEqual([{ source: "plugin fixture", rules: [rule] }]);
});

test("the newest of each type reaches an untrusted tool, however large it is", async () => {
  const rig = await pluginRig();
  const size = `return { text: String(context.entry("note")?.value.text.length) + context.entry("other")?.value.text };`;
  const written = source({ read_size: size }, "", `consumes: [{ type: "note" }, { type: "other" }],`);
  const other = `{ name: "other", schema: z.object({ text: z.string() }) }`;
  await rig.write("notes", `${written} plugin.contextTypes = [${noteType()}, ${other}];`);
  const { plugins } = await rig.load([{ package: "./notes" }], { takenTypes: [] });
  const { runtime, openSession, context } = await contextRig([], { plugins });
  const sessionId = await openSession();
  const producer = { tool: "write_note", executionId: "e" };
  for (const [type, text] of [
    ["note", "small"],
    ["note", "x".repeat(500_000)],
    ["other", "!"],
  ] as const)
    await context.share({ sessionId, type, key: text.slice(0, 9), value: { text }, producer });
  expect(await runtime.execute({ tool: "read_size", input: { sessionId } })).toMatchObject({
    result: { text: "500000!" },
  });
});

test("what a plugin shares is pinned with its words, and told in its report", async () => {
  const rig = await pluginRig();
  const plain = source({ write_note: `return input;` });
  await rig.write("notes", `${plain}${sharing(noteType())}`);
  const { reports } = await rig.load([{ package: "./notes" }]);
  expect(reports).toMatchObject([{ loaded: true, contextTypes: ["note"], routingRules: ["notes-away"] }]);
  const produces = `plugin.tools[0].produces = [{ type: "note", from: () => [] }];`;
  await rig.write("notes", `${plain}${sharing(noteType("z.object({})"), produces)}`);
  const changed = await rig.load([{ package: "./notes" }]);
  expect(changed.reports).toMatchObject([
    { loaded: false, pin: { state: "words", changes: ["context type note", "tool write_note: produces (new)"] } },
  ]);
});

test.each([
  [
    "a type that the program has",
    sharing(`{ name: "image", schema: z.object({}) }`),
    "context type image is defined by the program already",
  ],
  [
    "a type that nobody defines",
    `plugin.tools[0].consumes = [{ type: "nothing" }];`,
    "names the context type nothing, which no loaded plugin defines",
  ],
  [
    "a type whose entries would be kept too long",
    sharing(`{ name: "note", schema: z.object({}), ttlMs: 1e12 }`),
    "in contextTypes, note: ttlMs: expected a whole number",
  ],
  ["a type of a name in another form", sharing(`{ name: "note_", schema: z.object({}) }`), "in snake_case"],
  [
    "a type of the failure routing",
    sharing(`{ name: "failure_chain", schema: z.object({}) }`),
    "belong to the failure routing",
  ],
  [
    "entries of a type that is the program's",
    `plugin.tools[0].produces = [{ type: "image", from: () => [{ key: "evil:1", value: { reference: "evil:1" } }] }];`,
    "tool write_note leaves entries of the type image, which is not its plugin's own",
  ],
  [
    "a rule for failures of others",
    `plugin.routingRules = [${JSON.stringify({ ...rule, fromTool: ["write_note", "push_image"] })}];`,
    "routing rule notes-away is about failures of others' tools",
  ],
  [
    "a rule for all failures",
    `plugin.routingRules = [${JSON.stringify({ ...rule, fromTool: undefined })}];`,
    "routing rule notes-away is about failures of others' tools",
  ],
  [
    "a rule in the place of a default",
    `plugin.routingRules = [${JSON.stringify({ ...rule, name: defaultRoutingRules[0]?.name })}];`,
    "would replace a default",
  ],
  ["a rule of no known form", `plugin.routingRules = [{ name: "x" }];`, 'routing rule \\"x\\"'],
  [
    "a rule with hidden words",
    `plugin.routingRules = [{ ...${JSON.stringify(rule)}, reason: "call \\u200b me" }];`,
    "invisible characters",
  ],
])("a plugin with %s is left out, and stops nobody", async (_name, more, problem) => {
  const rig = await pluginRig();
  await rig.write("bad", `${source({ write_note: `return input;` })}${more}`);
  const { plugins, reports } = await rig.load([{ package: "./bad" }], { takenTypes: ["image"] });
  expect(plugins).toEqual([]);
  expect(JSON.stringify(reports[0]?.problem)).toContain(problem);
});

test("a trusted plugin whose type lacks an upgrade is left out, and an untrusted one is told that its upgrades do not run", async () => {
  const rig = await pluginRig();
  const written = source({ write_note: `return input;` });
  await rig.write("lacking", `${written}${sharing(noteType().replace("1: (value) => value", ""))}`);
  const trusted = await rig.load([{ package: "./lacking", trusted: true }]);
  expect(trusted.plugins).toEqual([]);
  expect(trusted.reports[0]?.problem?.message).toContain("expected an upgrade from each version below 2");
  await rig.write("notes", `${written}${sharing(noteType())}`);
  const { reports } = await rig.load([{ package: "./notes" }]);
  expect(reports).toMatchObject([{ loaded: true, notes: [expect.stringContaining("upgrades do not run")] }]);
});

test("with a plugin that is left out those go whose tools name its types, and in turn those that name theirs", async () => {
  const rig = await pluginRig();
  const plugin = (name: string, defines: string, takes: string): string =>
    `${source({ [`${name}_it`]: `return input;` }, "", `consumes: [{ type: "${takes}" }, { type: "${defines}" }],`).replace("fixture", name)}
     plugin.contextTypes = [{ name: "${defines}", schema: z.object({}) }];`;
  await rig.write("last", plugin("last", "three", "two"));
  await rig.write("next", plugin("next", "two", "one"));
  await rig.write("first", plugin("first", "one", "image"));
  await rig.write("other", plugin("other", "four", "image"));
  const entries = ["last", "next", "first", "other"].map((name) => ({ package: `./${name}` }));
  const takenTypes = ["image"];
  expect((await rig.load(entries, { takenTypes })).plugins).toHaveLength(4);
  await rig.write("first", plugin("first", "one", "image").replace("For a test.", "For another."));
  const { plugins, reports } = await rig.load(entries, { takenTypes });
  expect(plugins.map(({ name }) => name)).toEqual(["other"]);
  expect(reports.map(({ loaded, problem }) => problem?.message ?? loaded)).toEqual([
    "plugin last: tool last_it names the context type two, which no loaded plugin defines",
    "plugin next: tool next_it names the context type one, which no loaded plugin defines",
    expect.stringContaining("says something else than what was approved"),
    true,
  ]);
  // Who only looks is told the same.
  const looked = await rig.load(entries, { takenTypes, pins: "look" });
  expect(looked.reports.map(({ loaded }) => loaded)).toEqual([false, false, true, true]);
});

test("what a trusted plugin leaves may be of the program's types, and two plugins have no rule of one name", async () => {
  const rig = await pluginRig();
  const produces = `plugin.tools[0].produces = [{ type: "image", from: () => [] }];`;
  await rig.write("ours", `${source({ write_note: `return input;` })}${sharing(noteType(), produces)}`);
  const other = source({ other_note: `return input;` }).replace('"fixture"', '"other"');
  const rules = JSON.stringify([{ ...rule, fromTool: "other_note" }]);
  await rig.write("theirs", `${other} plugin.routingRules = ${rules};`);
  const entries = [{ package: "./ours", trusted: true }, { package: "./theirs" }];
  const { reports } = await rig.load(entries, { takenTypes: ["image"] });
  expect(reports.map(({ loaded, problem }) => problem?.message ?? loaded)).toEqual([
    true,
    "plugin other: routing rule notes-away is defined by plugin fixture already",
  ]);
});

test("two plugins that define one type, and rules of no known form, do not make a runtime", async () => {
  const { context, sessions } = await contextRig([]);
  const one = (name: string): Plugin =>
    definePlugin({
      name,
      version: "1.0.0",
      apiVersion: 1,
      tools: [],
      contextTypes: [{ name: "note", schema: z.object({}) }],
    });
  expect(() => createRuntime({ plugins: [one("first"), one("second")], sessions, context })).toThrow(
    /plugin second: context type note: /,
  );
  const routingRules = [{ name: "x" }] as never;
  expect(() => definePlugin({ name: "p", version: "1.0.0", apiVersion: 1, tools: [], routingRules })).toThrow(
    'plugin p: routing rule "x"',
  );
});
