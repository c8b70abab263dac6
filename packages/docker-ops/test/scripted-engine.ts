import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Answers one request; `json` is the usual way. */
export type Script = (request: IncomingMessage, response: ServerResponse) => void;

/** A socket with a program behind it that answers as told: for what no real engine can be made to say. */
export interface ScriptedEngine {
  readonly host: string;
  /** `METHOD /path` of every request so far. */
  readonly requests: string[];
  /** Ends the program with every connection, and starts another behind the same path. */
  restart(script?: Script): Promise<void>;
  close(): Promise<void>;
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

/** What every engine answers, with an id of its own. */
export function usual(id: string): Script {
  return (request, response) => {
    const path = (request.url ?? "").split("?")[0];
    if (path === "/version") {
      json(response, { Version: "20.10.0", ApiVersion: "1.41", Os: "linux", Components: [{ Name: "Engine" }] });
    } else if (path === "/info") json(response, { ID: id, Name: "host", DockerRootDir: `/${id}` });
    else json(response, { message: "page not found" }, 404);
  };
}

export async function startScriptedEngine(first: Script): Promise<ScriptedEngine> {
  const folder = mkdtempSync(join(tmpdir(), "scripted-engine-"));
  const path = join(folder, "engine.sock");
  const requests: string[] = [];
  let script = first;
  const start = async () => {
    const sockets = new Set<Socket>();
    const server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      script(request, response);
    });
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    };
  };
  let stop = await start();
  return {
    host: `unix://${path}`,
    requests,
    restart: async (next = script) => {
      await stop();
      script = next;
      stop = await start();
    },
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
