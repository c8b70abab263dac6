/** A client that costs next to nothing, so that what is measured is the server: one JSON line out, one back. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts a server program. `request` sends one request and gives its result; `close` ends the program. */
export function startServer(args, env = process.env) {
  const child = spawn(process.execPath, args, { env, stdio: ["pipe", "pipe", "ignore"] });
  const waiting = new Map();
  let nextId = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
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
  return {
    request,
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
