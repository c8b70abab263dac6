/**
 * Asks the server's policies and waits for the answer, the whole process with it: `allow` either returns or throws,
 * so that nothing of the tool goes on before it is known.
 */
import { readSync, writeSync } from "node:fs";
import type { PolicyFacts } from "../../types.ts";
import { kitErrorOf } from "../revive-error.ts";
import type { PluginError } from "../messages.ts";

/** A pipe of its own, which no stream reads. */
const QUESTIONS = 4;
const LONGEST_ANSWER = 64 * 1024;

/** @throws POLICY_DENIED, or TypeError where the server cannot be asked */
export function askPolicy(facts: PolicyFacts): void {
  writeSync(QUESTIONS, `${JSON.stringify(facts)}\n`);
  const buffer = Buffer.alloc(LONGEST_ANSWER);
  let length = 0;
  while (length < LONGEST_ANSWER) {
    const read = readSync(QUESTIONS, buffer, length, LONGEST_ANSWER - length, null);
    if (read === 0) throw new TypeError("expected the server to answer, got the end of the pipe");
    length += read;
    if (buffer[length - 1] === 0x0a) break;
  }
  const { error } = JSON.parse(buffer.toString("utf8", 0, length)) as { readonly error?: PluginError };
  if (error !== undefined) throw kitErrorOf("the policies", error);
}
