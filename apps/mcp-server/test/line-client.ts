import type { Readable, Writable } from "node:stream";

/** A JSON-RPC message, read without judging it. */
export interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { code: number; message: string; data?: unknown };
}

/** The barest client: it writes lines, and keeps every line that comes back. */
export interface LineClient {
  /** Every line so far, as it came. */
  readonly lines: string[];
  readonly messages: Message[];
  raw(text: string | Buffer): void;
  notify(method: string, params?: object): void;
  /** Sends a request and waits for its answer. */
  request(id: number | string, method: string, params?: object): Promise<Message>;
  /** Waits for a message that is there already or still to come. */
  until(matches: (message: Message) => boolean): Promise<Message>;
}

export function createLineClient(input: Writable, output: Readable): LineClient {
  const lines: string[] = [];
  const messages: Message[] = [];
  const waiting = new Set<() => void>();
  let rest = "";
  output.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() as string;
    for (const line of parts) {
      lines.push(line);
      messages.push(JSON.parse(line) as Message);
    }
    for (const look of waiting) look();
  });

  const until: LineClient["until"] = (matches) =>
    new Promise((resolve) => {
      const look = (): void => {
        const found = messages.find(matches);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });

  const raw = (text: string | Buffer): void => void input.write(text);
  const send = (message: object): void => raw(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  return {
    lines,
    messages,
    raw,
    until,
    notify: (method, params) => send({ method, params }),
    request(id, method, params) {
      send({ id, method, params });
      return until((message) => message.id === id && message.method === undefined);
    },
  };
}

/** What a client says first. */
export const INITIALIZE = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "test", version: "1.0.0" },
};
