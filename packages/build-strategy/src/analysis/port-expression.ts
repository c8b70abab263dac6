/** What a piece of code that should be a port says. */
export interface PortValue {
  /** The number that it comes to when no variable is set, or null. */
  readonly port: number | null;
  /** Whether it reads an environment variable. */
  readonly fromEnvironment: boolean;
  /** Whether that variable is PORT itself, and not that of a database or a mail server. */
  readonly isOwn: boolean;
}

/** Of two values for one name, the one that is more surely the program's own port; the first when both are alike. */
export function strongerPort(first: PortValue | undefined, second: PortValue): PortValue {
  return first === undefined || (second.isOwn && !first.isOwn) ? second : first;
}

/** Reads of the environment, among them the wrappers that are given the variable's name: `config.get("PORT", 3000)`. */
const environment =
  /\b(?:process\.env|import\.meta\.env|Bun\.env|env)\s?(?:\.|\[|\()|["'`](?:[A-Z]+_)?PORT["'`]|\.default\(/;
const integer = /(^|[^\w.$-])["'`]?(\d{1,5})["'`]?(?![\w.])/g;

/**
 * Reads `3000`, `"3000"`, `process.env.PORT || 3000`, `Number(process.env.PORT ?? 3000)`, `parseInt(env.PORT || "3000", 10)`,
 * a name that `bindings` knows, `app.get("port")` or `config.port`; null when it is none of these.
 */
export function readPortExpression(expression: string, bindings: ReadonlyMap<string, PortValue>): PortValue | null {
  const text = expression.trim().slice(0, 300);
  if (text === "") return null;
  const fromEnvironment = environment.test(text);
  const port = firstPort(text);
  const isOwn = /\bPORT\b/.test(text);
  if (fromEnvironment) return { port: port ?? lookUp(text, bindings)?.port ?? null, fromEnvironment, isOwn };
  const bare = /^[+]?["'`]?(\d{1,5})["'`]?(\s+as\s+\w+)?$/.exec(text);
  if (bare !== null) return port === null ? null : { port, fromEnvironment: false, isOwn: false };
  const bound = lookUp(text, bindings);
  if (bound === null) return null;
  // `PORT || 3000` where PORT came from the environment without a default.
  return bound.port === null && port !== null ? { ...bound, port } : bound;
}

/** The first integer that can be a port and is not the radix of parseInt. */
function firstPort(text: string): number | null {
  integer.lastIndex = 0;
  for (let match = integer.exec(text); match !== null; match = integer.exec(text)) {
    const value = Number(match[2]);
    const before = text.slice(0, match.index + (match[1]?.length ?? 0)).trimEnd();
    const isRadix = before.endsWith(",") && (value === 10 || value === 16);
    if (!isRadix && value > 0 && value < 65_536 && !/[[{]$/.test(before)) return value;
  }
  return null;
}

function lookUp(text: string, bindings: ReadonlyMap<string, PortValue>): PortValue | null {
  const getter = /\.get(?:<\w{1,20}>)?\(\s{0,5}["'`]([\w.-]{1,40})["'`]\s{0,5}[,)]/.exec(text)?.[1];
  if (getter !== undefined) {
    const name = (getter.split(".").at(-1) ?? "").toLowerCase();
    return bindings.get(`get:${name}`) ?? bindings.get(`member:${name}`) ?? null;
  }
  for (const match of text.matchAll(/[A-Za-z_$][\w$]*(?:(?:\?\.|\.)[A-Za-z_$][\w$]*)*/g)) {
    const path = match[0].replaceAll("?.", ".");
    const found = bindings.get(path) ?? bindings.get(`member:${(path.split(".").at(-1) ?? "").toLowerCase()}`);
    if (found !== undefined && (path.includes(".") || bindings.has(path))) return found;
  }
  return null;
}
