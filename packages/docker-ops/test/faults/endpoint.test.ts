/**
 * The fault matrix of endpoints: E01-E04, E12, B15 and B16. Each case ends in the oracle.
 *
 * Proven elsewhere: the order of DOCKER_HOST, DOCKER_CONTEXT and the current context, a context that is not there, and
 * schemes that are none in src/endpoint/endpoint.test.ts; TCP and TLS in test/endpoints.engine.test.ts; ssh in
 * test/ssh.engine.test.ts. That a server starts without an engine (E01) is the server's to prove.
 */
import { existsSync } from "node:fs";
import { chmod, link, mkdir, mkdtemp, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { connectEngine } from "../../src/index.ts";
import type { ConnectOptions } from "../../src/index.ts";
import { startScriptedEngine, usual } from "../scripted-engine.ts";
import type { ScriptedEngine } from "../scripted-engine.ts";
import { expectFailure, expectTruth } from "./oracle.ts";

const DEADLINE_MS = 5000;

let home: string;
let engine: ScriptedEngine;

beforeEach(async () => {
  // Open to other users, as E03 needs it.
  home = await mkdtemp(join(tmpdir(), "endpoint-"));
  await chmod(home, 0o755);
  engine = await startScriptedEngine(usual("mine"));
});

afterEach(async () => {
  await engine.close();
  await rm(home, { recursive: true, force: true });
});

const environment = (more: Readonly<Record<string, string>> = {}) => ({
  HOME: home,
  XDG_RUNTIME_DIR: join(home, "run"),
  XDG_STATE_HOME: join(home, "state"),
  PATH: process.env["PATH"],
  ...more,
});

/** Connects and fails; the candidates that were tried are told with what happened to each. */
async function failsWith(code: string, env: Readonly<Record<string, string>>): Promise<string> {
  const call = () => connectEngine({ env: environment(env), connectTimeoutMs: 1000 });
  const { message, remedy, details } = await expectFailure(call, { codes: [code], deadlineMs: 1000 });
  if (code !== "ENGINE_BAD_ENDPOINT" || details?.["candidates"] !== undefined) {
    expect(details).toMatchObject({ candidates: [{ host: env["DOCKER_HOST"], problem: expect.stringMatching(/./) }] });
  }
  return `${message} ${remedy}`;
}

async function reaches(options: ConnectOptions, source: RegExp): Promise<void> {
  const connected = await expectTruth(() => connectEngine({ connectTimeoutMs: DEADLINE_MS, ...options }), {
    deadlineMs: DEADLINE_MS,
    readBack: ({ identity, endpoint }) => {
      expect(identity.id).toBe("mine");
      expect(endpoint.source).toMatch(source);
    },
  });
  await connected.close();
}

/** Leaves a socket at a path although nobody listens there any more, as a crash does. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.live`, resolve));
  await link(`${path}.live`, path);
  await new Promise((resolve) => server.close(resolve));
}

/** Does something as a user who is neither the socket's owner nor in its group. */
async function asStranger(path: string, run: () => Promise<unknown>): Promise<void> {
  const { geteuid, getgroups, setgroups, setegid, seteuid } = process;
  if (geteuid?.() !== 0) {
    // Without root it is the owner who is shut out.
    await chmod(path, 0);
    await run();
    return;
  }
  await chmod(path, 0o660);
  const groups = getgroups?.() ?? [];
  setgroups?.([]);
  setegid?.(65_534);
  seteuid?.(65_534);
  try {
    await run();
  } finally {
    seteuid?.(0);
    setegid?.(0);
    setgroups?.(groups);
  }
}

describe("a socket", () => {
  test("E01 that is missing is ENGINE_UNAVAILABLE, with what to do", async () => {
    const text = await failsWith("ENGINE_UNAVAILABLE", { DOCKER_HOST: `unix://${join(home, "none.sock")}` });
    expect(text).toMatch(/none\.sock.*DOCKER_HOST/);
  });

  test("E02 on which nobody listens is ENGINE_UNAVAILABLE", async () => {
    const path = join(home, "stale.sock");
    await leaveSocket(path);
    expect(await failsWith("ENGINE_UNAVAILABLE", { DOCKER_HOST: `unix://${path}` })).toContain("ECONNREFUSED");
  });

  test("E03 that this user may not open is ENGINE_FORBIDDEN, with the group to join and no advice to open it for all", async () => {
    const path = engine.host.slice("unix://".length);
    await chmod(dirname(path), 0o755);
    await asStranger(path, async () => {
      const text = await failsWith("ENGINE_FORBIDDEN", { DOCKER_HOST: engine.host });
      expect(text).toContain("group");
      expect(text).not.toMatch(/chmod|sudo|666|777/);
    });
    expect(engine.requests).toEqual([]);
  });

  test.each(["a file", "a folder", "a link to nowhere", "a link to a file"])(
    "E04 that is %s is ENGINE_BAD_ENDPOINT and named",
    async (kind) => {
      const path = join(home, "engine.sock");
      if (kind === "a folder") await mkdir(path);
      else if (kind === "a file") await writeFile(path, "");
      else await symlink(join(home, kind === "a link to a file" ? "file" : "nowhere"), path);
      await writeFile(join(home, "file"), "");
      expect(await failsWith("ENGINE_BAD_ENDPOINT", { DOCKER_HOST: `unix://${path}` })).toContain(path);
    },
  );

  test("E04 that is behind a link is reached", async () => {
    const path = join(home, "engine.sock");
    await symlink(engine.host.slice("unix://".length), path);
    await reaches({ env: environment({ DOCKER_HOST: `unix://${path}` }) }, /^DOCKER_HOST$/);
  });
});

describe("E12 an endpoint that is no engine's", () => {
  /** A program that sends this as soon as it is asked, and ends the connection or leaves it open. */
  const speak = async (words: string, ends: boolean): Promise<string> => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => (ends ? socket.end(words) : socket.write(words)));
    });
    await new Promise<void>((resolve) => server.listen(join(home, "other.sock"), resolve));
    onTestFinished(() => void server.close());
    return `unix://${join(home, "other.sock")}`;
  };
  const page = "<html>welcome</html>";

  test.each([
    ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", false, "ENGINE_PROTOCOL"],
    ["zeros", "\0\0\0\0", false, "ENGINE_PROTOCOL"],
    ["a page", `HTTP/1.1 200 OK\r\nContent-Length: ${page.length}\r\n\r\n${page}`, true, "ENGINE_PROTOCOL"],
    ["another service's JSON", 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"ok":true}', true, "ENGINE_PROTOCOL"],
    ["that there is no such page", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", true, "ENGINE_PROTOCOL"],
    ["nothing and hangs up", "", true, "ENGINE_UNAVAILABLE"],
    ["half an answer and hangs up", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", true, "ENGINE_UNAVAILABLE"],
    ["half an answer and waits", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", false, "ENGINE_UNAVAILABLE"],
  ])("and says %s is told as that", async (_what, words, ends, code) => {
    await failsWith(code, { DOCKER_HOST: await speak(words, ends) });
  });

  test("and that is given up by the caller is CANCELLED", async () => {
    const host = await speak("", false);
    const signal = AbortSignal.timeout(100);
    await expectFailure(() => connectEngine({ host, signal }), { codes: ["CANCELLED"], deadlineMs: 100 });
  });
});

/** The sockets of other users' engines, which come first and which no environment moves. */
const systemEngine = ["/var/run/docker.sock", "/run/podman/podman.sock"].find((path) => existsSync(path));

describe("B15 where nothing is configured", () => {
  test.skipIf(systemEngine !== undefined)("every socket that was tried is listed with its reason", async () => {
    const call = () => connectEngine({ env: environment({ DOCKER_HOST: "" }) });
    const { details } = await expectFailure(call, { codes: ["ENGINE_UNAVAILABLE"], deadlineMs: DEADLINE_MS });
    const { candidates } = details as { candidates: readonly Record<string, string>[] };
    expect(candidates.map(({ source }) => source).join("\n")).toMatch(
      /system[^]*rootless Docker[^]*Desktop[^]*Colima[^]*rootless Podman[^]*Podman[^]*setup/,
    );
    for (const candidate of candidates) expect(candidate).toMatchObject({ problem: expect.stringMatching(/./) });
  });

  test.skipIf(systemEngine !== undefined).each([
    ["run/docker.sock", /rootless Docker/],
    [".docker/run/docker.sock", /Docker Desktop/],
    [".colima/default/docker.sock", /Colima/],
    ["run/podman/podman.sock", /rootless Podman/],
    ["state/container-kit/rig/docker.sock", /setup/],
  ])("the engine at %s is found, and how is told", async (path, source) => {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await symlink(engine.host.slice("unix://".length), join(home, path));
    await reaches({ env: environment() }, source);
  });

  test.skipIf(systemEngine !== undefined)("a socket on which nobody listens does not hide the next one", async () => {
    await mkdir(join(home, "run"));
    await leaveSocket(join(home, "run", "docker.sock"));
    await mkdir(join(home, ".colima", "default"), { recursive: true });
    await symlink(engine.host.slice("unix://".length), join(home, ".colima", "default", "docker.sock"));
    await reaches({ env: environment() }, /Colima/);
    await unlink(join(home, "run", "docker.sock"));
  });
});

describe("B15 DOCKER_HOST", () => {
  test.each(["fd://", "fd://3", "ftp://x", "tcp://", "npipe:////./pipe/docker_engine"])(
    "%s is ENGINE_BAD_ENDPOINT",
    async (host) => {
      expect(await failsWith("ENGINE_BAD_ENDPOINT", { DOCKER_HOST: host })).toContain("DOCKER_HOST");
    },
  );

  test("that is not there is not replaced by an engine that is", async () => {
    await mkdir(join(home, "run"));
    await symlink(engine.host.slice("unix://".length), join(home, "run", "docker.sock"));
    await failsWith("ENGINE_UNAVAILABLE", { DOCKER_HOST: `unix://${join(home, "none.sock")}` });
    await failsWith("ENGINE_UNAVAILABLE", { DOCKER_HOST: "tcp://127.0.0.1:1" });
    expect(engine.requests).toEqual([]);
  });
});

test("B16 the host that the caller names wins over DOCKER_HOST, the context and every socket, and they are not asked", async () => {
  const other = await startScriptedEngine(usual("other"));
  try {
    await mkdir(join(home, "run"));
    await symlink(other.host.slice("unix://".length), join(home, "run", "docker.sock"));
    const env = environment({ DOCKER_HOST: other.host, DOCKER_CONTEXT: "not-there" });
    await reaches({ host: engine.host, env }, /option `host`/);
    await reaches({ env: environment({ DOCKER_HOST: engine.host, DOCKER_CONTEXT: "not-there" }) }, /^DOCKER_HOST$/);
    expect(other.requests).toEqual([]);
  } finally {
    await other.close();
  }
});
