import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRuntime } from "@container-kit/atomic-runtime";
import { silentLogger } from "@container-kit/observability";
import { CallToolResultSchema, JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import { serveStdio } from "../src/mcp/serve-stdio.ts";
import type { StdioServing } from "../src/mcp/serve-stdio.ts";
import { createLineClient, INITIALIZE } from "./line-client.ts";
import type { LineClient, Message } from "./line-client.ts";
import { openRecord } from "./open-record.ts";
import { createScriptedPlugin } from "./scripted-plugin.ts";
import type { Script } from "./scripted-plugin.ts";

let client: LineClient;
let serving: StdioServing;
let stdin: PassThrough;
let stdout: PassThrough;
let stderr: PassThrough;
let script: Script;
let record: Awaited<ReturnType<typeof openRecord>>;

beforeEach(async () => {
  record = await openRecord();
  script = { started: [], aborted: [] };
  stdin = new PassThrough();
  stderr = new PassThrough();
  stdout = new PassThrough();
  client = createLineClient(stdin, stdout);
  const runtime = createRuntime({ plugins: [createScriptedPlugin(script)], sessions: record.sessions });
  const served = { runtime, sessions: record.sessions, logger: silentLogger, version: "1.2.3" };
  serving = serveStdio({ stdin, stdout, stderr }, served);
});

afterEach(async () => {
  await serving.drain();
  await record.close();
});

const call = (id: number | string, name: string, args: unknown, meta?: object): Promise<Message> =>
  client.request(id, "tools/call", { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) });
const progressOf = (token: string): Message[] =>
  client.messages.filter(
    ({ method, params }) => method === "notifications/progress" && params?.["progressToken"] === token,
  );

test("initialize says who serves, what it can do and how to begin", async () => {
  const { result } = await client.request(0, "initialize", INITIALIZE);
  expect(result).toMatchObject({
    protocolVersion: "2025-11-25",
    capabilities: { tools: {}, resources: {} },
    serverInfo: { name: "container-kit", version: "1.2.3" },
  });
  expect(result?.["instructions"]).toContain("analyze_repository");
});

test.each([
  ["2024-11-05", "2024-11-05"],
  ["1999-01-01", "2025-11-25"],
])("a client that speaks %s is answered in %s", async (asked, answered) => {
  const { result } = await client.request(0, "initialize", { ...INITIALIZE, protocolVersion: asked });
  expect(result?.["protocolVersion"]).toBe(answered);
});

test("an initialize that does not say who asks is refused", async () => {
  const { error } = await client.request(0, "initialize", { protocolVersion: "2025-11-25" });
  expect(error?.code).toBe(-32602);
});

test("what the first resource request makes wait is answered in its order", async () => {
  const asked = ["resources/templates/list", "no/such/method", "resources/list", "no/such/method"];
  const answers = await Promise.all(asked.map((method, id) => client.request(id, method)));
  expect(answers.map(({ error }) => error?.code)).toEqual([undefined, -32601, undefined, -32601]);
  client.notify("notifications/cancelled", { requestId: 0 });
  expect(await client.request("next", "resources/templates/list")).toMatchObject({ result: {} });
});

test("tools/list gives every tool with its schemas and all four hints, the same bytes each time", async () => {
  const { result } = await client.request(1, "tools/list");
  await client.request(2, "tools/list");
  const tools = result?.["tools"] as Record<string, unknown>[];
  expect(tools.map((tool) => tool["name"])).toEqual(["echo_text", "wait_long", "report_steps", "refuse_text"]);
  expect(Object.keys(tools[0] ?? {}).sort()).toEqual(
    ["annotations", "description", "inputSchema", "name", "outputSchema", "title"].sort(),
  );
  expect(client.lines[0]?.replace('"id":1', "")).toBe(client.lines[1]?.replace('"id":2', ""));
});

test("a result carries its structure, a text twin, and a link to its log", async () => {
  const answer = await call("a", "report_steps", { steps: 2 });
  const result = CallToolResultSchema.parse(answer.result);
  expect(result.isError).toBe(false);
  expect(result.structuredContent).toMatchObject({
    ok: true,
    tool: "report_steps",
    result: { log: expect.any(String) },
  });
  expect(result.content.map(({ type }) => type)).toEqual(["text", "resource_link"]);
});

test.each([
  ["bad arguments", "echo_text", { text: 5 }, "INVALID_INPUT"],
  ["arguments that are no object", "echo_text", [1], "INVALID_INPUT"],
  ["an unknown tool", "no_such_tool", {}, "TOOL_NOT_FOUND"],
  ["a tool that fails", "refuse_text", { text: "it is there" }, "CONFLICT"],
])("%s is a result with isError, not a protocol error", async (_what, name, args, code) => {
  const { result, error } = await call(1, name, args);
  expect(error).toBeUndefined();
  expect(result).toMatchObject({ isError: true, structuredContent: { ok: false, error: { code } } });
});

test("progress rises strictly and has ended when the answer comes", async () => {
  await call(1, "report_steps", { steps: 40 }, { progressToken: "t" });
  const told = progressOf("t");
  expect(told.length).toBeGreaterThan(0);
  const numbers = told.map(({ params }) => params?.["progress"] as number);
  for (const [index, value] of numbers.entries()) if (index > 0) expect(value).toBeGreaterThan(numbers[index - 1] ?? 0);
  const answer = client.messages.findIndex(({ id }) => id === 1);
  await client.request(2, "ping");
  expect(client.messages.slice(answer + 1).filter(({ method }) => method === "notifications/progress")).toEqual([]);
});

test("without a token nothing is told", async () => {
  await call(1, "report_steps", { steps: 5 });
  expect(client.messages.filter(({ method }) => method !== undefined)).toEqual([]);
});

test.each([[0], ["zero"]])("a cancelled call with the id %j stops at once and is still answered", async (id) => {
  const answer = call(id, "wait_long", { ms: 60_000 });
  await expect.poll(() => script.started).toEqual(["wait_long"]);
  const asked = performance.now();
  client.notify("notifications/cancelled", { requestId: id, reason: "changed my mind" });
  const { result } = await answer;
  expect(performance.now() - asked).toBeLessThan(250);
  expect(script.aborted).toEqual(["wait_long"]);
  expect(result).toMatchObject({ isError: true, structuredContent: { error: { code: "CANCELLED" } } });
  const [session] = await record.sessions.listSessions();
  const details = await record.sessions.getSession(session?.id ?? "");
  expect(details.executions[0]?.status).toBe("cancelled");
});

test("cancelling what does not run is ignored", async () => {
  client.notify("notifications/cancelled", { requestId: 77 });
  client.notify("notifications/cancelled", {});
  expect(await client.request(1, "ping")).toMatchObject({ result: {} });
});

test("an id that is in use is refused, and the call that has it goes on", async () => {
  const first = call("same", "wait_long", { ms: 50 });
  client.raw(
    `${JSON.stringify({ jsonrpc: "2.0", id: "same", method: "tools/call", params: { name: "echo_text" } })}\n`,
  );
  const refusal = await client.until(({ id, error }) => id === "same" && error !== undefined);
  expect(refusal.error?.code).toBe(-32600);
  await first;
  await client.until(({ result }) => result?.["isError"] === false);
});

test.each<[string, string, number | string | null, number]>([
  ["no JSON", "{nope", null, -32700],
  ["a batch", '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', null, -32600],
  ["an id that is no integer", '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', null, -32600],
  ["parameters that are a list", '{"jsonrpc":"2.0","id":4,"method":"ping","params":[1]}', 4, -32600],
  ["a method named __proto__", '{"jsonrpc":"2.0","id":5,"method":"__proto__"}', 5, -32601],
  ["a call without a name", '{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{}}', 6, -32602],
  ["bare text", '"hello"', null, -32600],
])("%s is answered with its JSON-RPC error, and the connection goes on", async (_what, line, id, code) => {
  client.raw(`${line}\n`);
  const answer = await client.until(({ error }) => error !== undefined);
  expect([answer.id, answer.error?.code]).toEqual([id, code]);
  expect(await client.request("next", "ping")).toMatchObject({ result: {} });
});

test("a broken answer is not answered, so that two peers cannot answer each other for ever", async () => {
  client.raw('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}\n');
  await client.request(1, "ping");
  expect(client.messages).toHaveLength(1);
});

test("a message above ten mebibytes is answered once and closes the connection", async () => {
  const line = Buffer.alloc(1024 * 1024, "x");
  for (let sent = 0; sent < 12; sent += 1) client.raw(line);
  const answer = await client.until(({ error }) => error !== undefined);
  expect(answer.error?.code).toBe(-32600);
  await serving.closed;
  expect(client.messages).toHaveLength(1);
});

test("whatever is written to the claimed stdout lands on stderr, and stdout carries protocol only", async () => {
  stdout.write("a dependency prints\n");
  await call(1, "echo_text", { text: "ünï€" });
  for (const line of client.lines) JSONRPCMessageSchema.parse(JSON.parse(line));
  expect(client.messages[0]?.result).toMatchObject({ structuredContent: { result: { text: "ünï€" } } });
  expect((stderr.read() as Buffer).toString()).toBe("a dependency prints\n");
});

test("requests that are piped in are answered before the end of stdin closes the connection", async () => {
  stdin.end(
    [
      { jsonrpc: "2.0", id: 1, method: "initialize", params: INITIALIZE },
      { jsonrpc: "2.0", id: 2, method: "tools/list" },
      { jsonrpc: "2.0", id: 3, method: "tools/call", params: { name: "echo_text", arguments: { text: "hi" } } },
    ]
      .map((message) => `${JSON.stringify(message)}\n`)
      .join(""),
  );
  await serving.closed;
  expect(client.messages.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual([1, 2, 3]);
});

test("when the client goes away, what it had running is stopped and recorded", async () => {
  void call(1, "wait_long", { ms: 60_000 });
  await expect.poll(() => script.started).toEqual(["wait_long"]);
  stdin.end();
  await serving.closed;
  await serving.drain();
  expect(script.aborted).toEqual(["wait_long"]);
  const [session] = await record.sessions.listSessions();
  const details = await record.sessions.getSession(session?.id ?? "");
  expect(details.executions.map(({ status }) => status)).toEqual(["cancelled"]);
});

test("a server that stops answers what runs with INTERRUPTED", async () => {
  const answer = call(1, "wait_long", { ms: 60_000 });
  await expect.poll(() => script.started).toEqual(["wait_long"]);
  await serving.drain();
  expect((await answer).result).toMatchObject({
    structuredContent: { error: { code: "INTERRUPTED", retryable: true } },
  });
});

test("a session and a job's log can be read as resources, the log's tail where it is long", async () => {
  const { result } = await call(1, "report_steps", { steps: 1 });
  const { sessionId, jobId } = (result?.["structuredContent"] ?? {}) as { sessionId: string; jobId: string };
  const { writeFile } = await import("node:fs/promises");
  const lines = Array.from({ length: 200_000 }, (_, index) => `line ${index}`);
  await writeFile(`${await record.sessions.jobFolder(jobId)}/build.log`, `${lines.join("\n")}\n`);

  const list = await client.request(2, "resources/list");
  expect(list.result?.["resources"]).toMatchObject([{ uri: `session://${sessionId}` }]);
  const templates = await client.request(3, "resources/templates/list");
  expect(templates.result?.["resourceTemplates"]).toMatchObject([
    { uriTemplate: "session://{id}" },
    { uriTemplate: "session://{id}/events" },
    { uriTemplate: "job://{id}" },
    { uriTemplate: "job://{id}/log" },
  ]);
  const read = async (id: number, uri: string): Promise<string> => {
    const answer = await client.request(id, "resources/read", { uri });
    return ((answer.result?.["contents"] ?? []) as { text: string }[])[0]?.text ?? "";
  };
  expect(JSON.parse(await read(4, `session://${sessionId}`))).toMatchObject({ id: sessionId, jobs: [{ id: jobId }] });
  const log = await read(5, `job://${jobId}/log`);
  expect(log).toMatch(/^\[the first \d+ of \d+ bytes are left out\]\nline \d+\n/);
  expect(log.endsWith("line 199999\n")).toBe(true);
  expect(log.length).toBeLessThan(1024 * 1024 + 200);
});

test.each([
  "session://nope",
  "job://nope/log",
  "job://../../../etc/passwd/log",
  "job://..%2f..%2fetc/log",
  "file:///etc/passwd",
  "session://",
])("reading %s answers that there is no such resource", async (uri) => {
  const { error } = await client.request(1, "resources/read", { uri });
  expect(error).toMatchObject({ code: -32002, data: { uri } });
});
