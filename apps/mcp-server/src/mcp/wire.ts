import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId,
} from "@modelcontextprotocol/sdk/types.js";

/** What a client asks or tells; its answers are nobody's, since the server asks nothing. */
export type Incoming = JSONRPCRequest | JSONRPCNotification;

/** One client's messages, in both directions, whatever carries them. Nothing waits for a message to leave. */
export interface Wire {
  onmessage?: (message: Incoming) => void;
  /** The client is gone, or the wire was closed. */
  onclose?: () => void;
  /** Something came that is no message of a client. */
  onerror?: (error: Error) => void;
  /** Begins to hand messages on. */
  start(): void;
  send(message: JSONRPCMessage): void;
  /** Answers with a result that is JSON already. */
  answer(id: RequestId, result: string): void;
  close(): void;
}
