import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { Served } from "./served.ts";
import { PROTOCOL_ERROR } from "./protocol.ts";
import type { Incoming, Wire } from "./wire.ts";

/**
 * The SDK's server behind a wire, loaded when the first request comes that is for it: most clients never send one, and
 * loading it costs more than starting all the rest.
 *
 * - R1  Messages reach it in the order in which they came, those too that came while it was being loaded.
 * - R2  A request is answered also when it cannot be loaded.
 */
export interface LateServer {
  take(message: Incoming): void;
  /** The client is gone. */
  close(): void;
}

export function createLateServer(wire: Wire, served: Served): LateServer {
  const transport: Transport = {
    start: () => Promise.resolve(),
    send: (message) => Promise.resolve(wire.send(message)),
    close: () => Promise.resolve(wire.close()),
  };
  const waiting: Incoming[] = [];
  let state: "unneeded" | "loading" | "ready" | "broken" = "unneeded";

  const load = async (): Promise<void> => {
    state = "loading";
    try {
      const { serveRest } = await import("./sdk-server.ts");
      await serveRest(transport, served);
      state = "ready";
    } catch (error) {
      state = "broken";
      served.logger.error("The part of the server that serves resources could not be loaded.", { error });
    }
    for (const message of waiting.splice(0)) pass(message);
  };
  const pass = (message: Incoming): void => {
    if (state === "ready") transport.onmessage?.(message);
    else if ("id" in message) {
      const told = "Internal error: this part of the server could not be loaded.";
      wire.send({ jsonrpc: "2.0", id: message.id, error: { code: PROTOCOL_ERROR.internal, message: told } });
    }
  };

  return {
    take(message) {
      // A notification is about something that was asked before.
      if (state === "unneeded" && !("id" in message)) return;
      if (state === "unneeded") void load();
      if (state === "loading") waiting.push(message);
      else pass(message);
    },
    close: () => transport.onclose?.(),
  };
}
