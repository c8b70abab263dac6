import type { Files } from "../make-repository.ts";

/** One repository for each case that the Node template knows. */
export interface TemplateCase {
  readonly name: string;
  readonly files: Files;
  readonly module?: string;
  /** Instructions, or parts of them, that must be there. */
  readonly has: readonly string[];
  readonly lacks?: readonly string[];
}

/** A server without dependencies. */
export const server = "require('http').createServer((q, s) => s.end('ok')).listen(process.env.PORT || 3000);\n";

/** The dependencies of a server with one. */
export const express = { express: "^5.0.0" };
