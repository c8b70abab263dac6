/** A client that costs next to nothing, so that what is measured is the server: one JSON line out, one back. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/**
 * Starts a server program. `request` sends one request and gives its result; `time` sends one and says how many
 * milliseconds its answer took, which it does not read; `close` ends the program, whose id is `pid`.
 */
export function startServer(args, env = process.env) {
  const child = spawn(process.execPath, args, { env, stdio: ["pipe", "pipe", "ignore"] });
  const waiting = new Map();
  let nextId = 0;
  const unread = new Map();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const id = unread.size > 0 ? idOf(line) : undefined;
    if (unread.has(id)) {
      unread.get(id)();
      unread.delete(id);
      return;
    }
    const message = JSON.parse(line);
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  });
  const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const request = (method, params) =>
    new Promise((resolve, reject) => {
      nextId += 1;
      waiting.set(nextId, ({ result, error }) =>
        error === undefined ? resolve(result) : reject(new Error(error.message)),
      );
      send({ id: nextId, method, params });
    });
  const time = (method, params) =>
    new Promise((resolve) => {
      nextId += 1;
      const start = performance.now();
      unread.set(nextId, () => resolve(performance.now() - start));
      send({ id: nextId, method, params });
    });
  return {
    pid: child.pid,
    request,
    time,
    initialize: async () => {
      await request("initialize", {
        protocolVersion: "2025-06-18",
        capabilities: {},
        clientInfo: { name: "bench", version: "0" },
      });
      send({ method: "notifications/initialized" });
    },
    close: () =>
      new Promise((resolve) => {
        child.once("close", resolve);
        child.stdin.end();
        setTimeout(() => child.kill("SIGKILL"), 2000).unref();
      }),
  };
}

/** The id of a message, which is its first or its last member. */
function idOf(line) {
  const edges = `${line.slice(0, 40)} ${line.slice(-40)}`;
  return Number(/"id":(\d+)[,}]/.exec(edges)?.[1]);
}
