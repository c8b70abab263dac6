/**
 * Finds the port in the code itself: where a server is told to listen, and what the names in that place stand for.
 *
 * - C1  Every regular expression here has bounded or single-character repeats: a file of a megabyte is read in one pass.
 * - C2  Only a call that listens counts. A constant that is called PORT and never listened on proves nothing.
 */
import { bracketed, lineCounter, splitArguments } from "./code-text.ts";
import { readPortExpression, strongerPort } from "./port-expression.ts";
import type { PortValue } from "./port-expression.ts";

/** One place where a server listens. */
export interface Listening extends PortValue {
  /** 1-based. */
  readonly line: number;
  /** The host that it binds, when one is written. */
  readonly host: string | null;
}

const declaration = /\b(?:const|let|var)\s+([A-Za-z_$][\w$]{0,60})\s*(?::\s*[\w |]{1,40})?=\s*/g;
const destructured = /\{([^{}]{1,300})\}\s*=\s*process\.env\b/g;
const setting = /\.set\(\s*["'`](\w{1,40})["'`]\s*,/g;
const member = /["'`]?\b(port|PORT|[a-z]{1,20}Port|[A-Z_]{1,20}_PORT)["'`]?\s*:\s*/g;
const calls =
  /(?:\.listen|\bBun\.serve|\bserve|\bcreateAdaptorServer|\bHapi\.server|\bnew\s+(?:[\w.]{1,40}\.)?(?:Server|WebSocketServer))\s*\(/g;

/** What the names of one file stand for when they stand for ports. */
export function readBindings(code: string, known: ReadonlyMap<string, PortValue> = new Map()): Map<string, PortValue> {
  const bindings = new Map(known);
  const remember = (name: string, expression: string): void => {
    const value = readPortExpression(expression, bindings);
    if (value !== null) bindings.set(name, value);
  };
  for (const match of code.matchAll(destructured)) readDestructured(match[1] ?? "", bindings);
  for (const match of code.matchAll(declaration)) {
    const from = match.index + match[0].length;
    const expression = statement(code, from);
    if (/port/i.test(match[1] ?? "") || /\bPORT\b/.test(expression)) remember(match[1] ?? "", expression);
  }
  for (const match of code.matchAll(setting)) {
    remember(`get:${(match[1] ?? "").toLowerCase()}`, bracketed(code, match.index + match[0].length));
  }
  for (const match of code.matchAll(member)) {
    const from = match.index + match[0].length;
    const [expression = ""] = splitArguments(bracketed(code, from, 200));
    const name = `member:${(match[1] ?? "").toLowerCase()}`;
    const value = readPortExpression(expression.split("\n")[0] ?? "", bindings);
    if (value !== null) bindings.set(name, strongerPort(bindings.get(name), value));
  }
  return bindings;
}

/** `const { PORT = 3000, HOST } = process.env` */
function readDestructured(body: string, bindings: Map<string, PortValue>): void {
  for (const part of splitArguments(body)) {
    const [left = "", fallback] = part.split("=");
    const name = (left.split(":").at(-1) ?? "").trim();
    if (!/port/i.test(left) || name === "") continue;
    const port = readPortExpression(fallback ?? "", new Map())?.port ?? null;
    bindings.set(name, { port, fromEnvironment: true, isOwn: /\bPORT\b/.test(left) });
  }
}

/** The right side of an assignment: to the semicolon, or to the end of a line that does not go on. */
function statement(code: string, from: number): string {
  const text = code.slice(from, from + 300);
  const lines = text.split("\n");
  let end = 0;
  while (
    end + 1 < lines.length &&
    (/(\|\||\?\?|[?:(,=])\s*$/.test(lines[end] ?? "") || /^\s*(\|\||\?\?|[?:)])/.test(lines[end + 1] ?? ""))
  )
    end++;
  return (
    lines
      .slice(0, end + 1)
      .join(" ")
      .split(";")[0] ?? ""
  ).trim();
}

/** Every place of a file where a server listens (C2), in order. */
export function findListening(code: string, known: ReadonlyMap<string, PortValue>): Listening[] {
  const bindings = readBindings(code, known);
  const lineOf = lineCounter(code);
  const found: Listening[] = [];
  for (const match of code.matchAll(calls)) {
    const open = match.index + match[0].length;
    const value = readCall(bracketed(code, open), bindings);
    if (value !== null) found.push({ ...value, line: lineOf(match.index) });
  }
  return found;
}

function readCall(
  body: string,
  bindings: ReadonlyMap<string, PortValue>,
): (PortValue & { host: string | null }) | null {
  const [first = "", second = ""] = splitArguments(body);
  if (!first.startsWith("{")) {
    const value = readPortExpression(first, bindings);
    return value === null ? null : { ...value, host: literal(second) };
  }
  const fields = new Map<string, string>();
  for (const part of splitArguments(first.replace(/^\{|\}$/g, ""))) {
    const colon = part.indexOf(":");
    const name = (colon === -1 ? part : part.slice(0, colon)).trim();
    fields.set(name, colon === -1 ? part.trim() : part.slice(colon + 1).trim());
  }
  const value = readPortExpression(fields.get("port") ?? "", bindings);
  return value === null ? null : { ...value, host: literal(fields.get("host") ?? fields.get("hostname") ?? "") };
}

function literal(text: string): string | null {
  return /^["'`]([^"'`$]{1,100})["'`]$/.exec(text.trim())?.[1] ?? null;
}

/** Whether the code reads the variable PORT anywhere. */
export function readsPortVariable(code: string): boolean {
  return (
    /\b(?:process\.env|Bun\.env|env)\b\s{0,5}(?:\.\s{0,5}PORT\b|\[\s{0,5}["'`]PORT["'`])/.test(code) ||
    /\{[^{}]{0,300}\bPORT\b[^{}]{0,300}\}\s{0,5}=\s{0,5}process\.env\b/.test(code)
  );
}
