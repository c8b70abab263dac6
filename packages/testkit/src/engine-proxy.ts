/**
 * A proxy on a unix socket in front of a real engine that misbehaves as told: what an engine, a network or a proxy in
 * between may do to a client, done at a chosen request.
 *
 * Invariants:
 * - X1  A request that no rule matches passes through unchanged, streams and upgraded connections included.
 * - X2  A rule counts each time it fires, so that a test can assert that its fault really happened.
 * - X3  When the client goes away the request to the engine is aborted, so cancellation reaches the engine as it would
 *       without the proxy.
 * - X4  `close` ends every connection, those that hang included.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { endpoint } from "./engine-request.ts";
import { forward } from "./engine-proxy-forward.ts";
import type { CapturedRequest, Fault, FaultRule, SeenRequest } from "./engine-proxy-faults.ts";
import { RuleBook } from "./fault-rules.ts";

/** What a proxy stands in front of, and what it does. */
export interface EngineProxyOptions {
  /** The real engine, as `DOCKER_HOST` has it. */
  readonly target: string;
  /** Tried in order; the first that matches and is not used up fires. */
  readonly rules?: readonly FaultRule[];
}

/** A proxy that misbehaves as told. */
export interface EngineProxy {
  /** For `DOCKER_HOST`. */
  readonly host: string;
  readonly socketPath: string;
  /** How often a rule fired. */
  readonly fired: (rule: FaultRule) => number;
  /** Every request so far, in order. */
  readonly requests: () => readonly SeenRequest[];
  readonly captured: () => readonly CapturedRequest[];
  /** Puts other rules in place; counts of rules that stay go on. */
  readonly setRules: (rules: readonly FaultRule[]) => void;
  readonly close: () => Promise<void>;
}

/** Starts the proxy. */
export async function startEngineProxy(options: EngineProxyOptions): Promise<EngineProxy> {
  const folder = mkdtempSync(join(tmpdir(), "container-kit-proxy-"));
  const socketPath = join(folder, "engine.sock");
  const state = new ProxyState(options.rules ?? []);
  const server = createServer((request, response) => {
    const rule = state.see(request);
    answer({ request, response, target: options.target, fault: rule?.fault, state });
  });
  const sockets = new Set<Duplex>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const rule = state.see(request);
    if (rule?.fault.kind === "reset") socket.destroy();
    else if (rule?.fault.kind === "answer") socket.end(plainAnswer(rule.fault));
    else if (rule?.fault.kind !== "hang") passUpgrade(options.target, { request, socket, head });
  });
  // An answer may be long in coming: the client's deadlines are what is under test, not ours.
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  return {
    host: `unix://${socketPath}`,
    socketPath,
    fired: (rule) => state.fired(rule),
    requests: () => [...state.seen],
    captured: () => [...state.captured],
    setRules: (rules) => state.setRules(rules),
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What the proxy remembers. */
class ProxyState extends RuleBook<FaultRule> {
  readonly seen: SeenRequest[] = [];
  readonly captured: CapturedRequest[] = [];

  /** Writes the request down and returns the rule that fires for it. */
  see(request: IncomingMessage): FaultRule | undefined {
    const seen = { method: request.method ?? "", path: request.url ?? "" };
    this.seen.push(seen);
    return this.take(seen.method, seen.path);
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: string;
  readonly fault: Fault | undefined;
  readonly state: ProxyState;
}

function answer({ request, response, target, fault, state }: Exchange): void {
  switch (fault?.kind) {
    case "hang":
      request.resume();
      return;
    case "reset":
      request.socket.destroy();
      return;
    case "answer":
      request.resume();
      response.writeHead(fault.status, { "content-type": fault.contentType ?? "application/json" });
      response.end(fault.body ?? "");
      return;
    case "slow":
      setTimeout(() => forward({ request, response, target, fault: undefined }), fault.delayMs);
      return;
    case "capture":
      capture(request, state);
      forward({ request, response, target, fault: undefined });
      return;
    default:
      forward({ request, response, target, fault });
  }
}

function capture(request: IncomingMessage, state: ProxyState): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.once("close", () => {
    state.captured.push({
      method: request.method ?? "",
      path: request.url ?? "",
      body: Buffer.concat(chunks),
      complete: request.complete,
    });
  });
}

/** An answer of our own to a request for an upgrade: that there will be none. */
function plainAnswer({ status, body = "" }: Extract<Fault, { kind: "answer" }>): string {
  return `HTTP/1.1 ${status} Fault\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body.toString()}`;
}

interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Hands an upgraded connection (attach, exec, a BuildKit session) through byte for byte. */
function passUpgrade(target: string, { request, socket, head }: Upgrade): void {
  const upstream = httpRequest({
    ...endpoint(target),
    method: request.method,
    path: request.url,
    // Raw, because headers that are repeated must stay repeated: a build session lists its methods so.
    headers: request.rawHeaders,
    agent: false,
  });
  upstream.once("upgrade", (answered: IncomingMessage, engine: Duplex, first: Buffer) => {
    const lines = [`HTTP/1.1 ${answered.statusCode ?? 101} ${answered.statusMessage ?? ""}`];
    for (let at = 0; at < answered.rawHeaders.length; at += 2) {
      lines.push(`${answered.rawHeaders[at] ?? ""}: ${answered.rawHeaders[at + 1] ?? ""}`);
    }
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    if (first.length > 0) socket.write(first);
    if (head.length > 0) engine.write(head);
    engine.pipe(socket).pipe(engine);
    engine.once("error", () => socket.destroy());
    socket.once("error", () => engine.destroy());
  });
  // An engine that refuses to upgrade answers plainly.
  upstream.once("response", (refused: IncomingMessage) => {
    socket.write(`HTTP/1.1 ${refused.statusCode ?? 502} ${refused.statusMessage ?? ""}\r\nconnection: close\r\n\r\n`);
    refused.pipe(socket);
  });
  upstream.once("error", () => socket.destroy());
  upstream.end();
}
