/** The built program as a process: its streams, its home, its log and its port. */
import { execFileSync, spawn } from "node:child_process";
import { mkdir, open, readdir, rm } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { callTool, cli, openWorkshop } from "./built-server.ts";

const SOON = { timeout: 15_000, interval: 20 };

test("a stderr that nobody reads holds up no end", async () => {
  const shop = await openWorkshop();
  const pipe = join(shop.folder, "unread");
  execFileSync("mkfifo", [pipe]);
  const unread = await open(pipe, "r+");
  try {
    // More than a pipe takes, so that it cannot all have left.
    const child = spawn(process.execPath, [cli, "x".repeat(120_000)], {
      env: { ...process.env, ...shop.environment },
      stdio: ["ignore", "ignore", unread.fd],
      timeout: 15_000,
    });
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(2);
  } finally {
    await unread.close();
  }
});

test("a stdout that is read late is waited for: it is the result", async () => {
  const shop = await openWorkshop();
  const pipe = join(shop.folder, "late");
  execFileSync("mkfifo", [pipe]);
  // The program's end does not wait, so that ours must be another.
  const late = await open(pipe, "r+");
  const reader = await open(pipe, "r");
  try {
    const child = spawn(process.execPath, [cli, "tools", "--json"], {
      env: { ...process.env, ...shop.environment },
      stdio: ["ignore", late.fd, "ignore"],
      timeout: 15_000,
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    await delay(2_000);
    let text = "";
    const part = Buffer.alloc(64 * 1024);
    while (!text.endsWith("\n}\n")) {
      const { bytesRead } = await reader.read(part, 0, part.length);
      text += part.toString("utf8", 0, bytesRead);
    }
    expect(await ended).toBe(0);
    expect(JSON.parse(text)).toHaveProperty("tools");
  } finally {
    await Promise.all([late.close(), reader.close()]);
  }
});

test("whoever has no home, an empty one or one that is no place, is served all the same", async () => {
  const shop = await openWorkshop();
  const run = (HOME: string | undefined) => shop.run(["sessions", "list", "--json"], { env: { HOME } });
  for (const home of [undefined, "", "relative", "/proc/1"]) {
    const { code, stdout } = await run(home);
    expect([home, code, JSON.parse(stdout)]).toEqual([home, 0, { sessions: [] }]);
  }
});

test("a relative folder in an XDG variable is ignored, and a cache that cannot be made costs no start", async () => {
  const shop = await openWorkshop();
  const environment = { HOME: "/proc/1", XDG_CACHE_HOME: "cache", XDG_STATE_HOME: shop.folder };
  const server = await shop.serve(["serve"], { ...environment, CONTAINER_KIT_HOME: "" });
  expect(await server.close()).toEqual({ code: 0, signal: null });
  expect(await readdir(shop.folder)).toEqual(["container-kit", "slow", "user.yaml"]);
});

test("a working directory that is gone is told, and ends no program with a stack", async () => {
  const shop = await openWorkshop();
  const gone = join(shop.folder, "gone");
  await mkdir(gone);
  const server = await shop.run(["doctor", "--json"], { cwd: gone });
  expect(JSON.parse(server.stdout)).toHaveProperty("checks");
  const child = spawn("sh", ["-c", `rmdir "${gone}"; exec "${process.execPath}" "${cli}" sessions list --json`], {
    cwd: gone,
    env: { ...process.env, ...shop.environment },
  });
  let told = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (told += text));
  expect(await new Promise((resolve) => child.once("close", resolve))).toBe(2);
  expect(JSON.parse(told)).toMatchObject({ error: { code: "NOT_FOUND" } });
  await rm(gone, { recursive: true, force: true });
});

test("what a tool says in the log, and how its call ended, carries the correlation id of the answer", async () => {
  const shop = await openWorkshop();
  const server = await shop.serve(["serve"], { CONTAINER_KIT_LOG_LEVEL: "info" });
  await Promise.all([shop.letEnd("a"), shop.letEnd("b")]);
  const answers = await Promise.all([
    callTool(server, "make_slowly", shop.input("a")),
    callTool(server, "make_slowly", { ...shop.input("b"), fail: true }),
    callTool(server, "inspect_image", { image: "nobody.example/none:1" }),
    callTool(server, "list_sessions", { limit: 0 }),
    callTool(server, "no_such_tool"),
  ]);
  await server.close();
  const lines = server
    .stderr()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const ids = answers.map(({ correlationId }) => correlationId);
  for (const id of ids) expect(lines.filter(({ correlationId }) => correlationId === id)).not.toEqual([]);
  for (const message of ["the tool was begun", "tool call done", "tool call failed"]) {
    const said = lines.filter(({ msg }) => msg === message);
    expect(said.length).toBeGreaterThan(0);
    expect(said.filter(({ correlationId }) => !ids.includes(String(correlationId)))).toEqual([]);
  }
});

test("--metrics-port gives out what was measured and how the server is, and goes with the server", async () => {
  const shop = await openWorkshop();
  const server = await shop.serve(["serve", "--metrics-port", "0"], { CONTAINER_KIT_LOG_LEVEL: "info" });
  await expect.poll(() => server.stderr(), SOON).toMatch(/127\.0\.0\.1:\d+\/metrics/);
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(server.stderr())?.[1]);
  await shop.letEnd("a");
  await callTool(server, "make_slowly", shop.input("a"));
  await callTool(server, "no_such_tool");
  const metrics = await ask(port, "/metrics");
  expect(metrics.status).toBe(200);
  expect(metrics.text).toContain('container_kit_tool_calls_total{tool="make_slowly",code="OK"} 1');
  expect(metrics.text).toContain('container_kit_tool_calls_total{tool="unknown",code="TOOL_NOT_FOUND"} 1');
  expect(metrics.text).toContain('container_kit_health{component="store"} 0');
  expect(metrics.text).toContain('container_kit_health{component="engine"} 2');
  const health = await ask(port, "/health");
  expect([health.status, JSON.parse(health.text)]).toMatchObject([
    200,
    { status: "degraded", parts: { store: { status: "ok" }, engine: { status: "degraded" } } },
  ]);
  expect((await ask(port, "/metrics", { host: "a-page.example" })).status).toBe(403);
  // A second server with the same port serves all the same.
  const second = await shop.serve(["serve", "--metrics-port", String(port)]);
  expect((await callTool(second, "list_sessions")).ok).toBe(true);
  expect(second.stderr()).toContain("Measurements are not given out");
  expect(await server.close()).toEqual({ code: 0, signal: null });
  await expect(ask(port, "/health")).rejects.toThrow("ECONNREFUSED");
});

function ask(port: number, path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode, text }));
    })
      .once("error", reject)
      .end();
  });
}
