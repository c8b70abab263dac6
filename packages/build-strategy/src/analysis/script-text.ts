/** One command of a script line, split as a POSIX shell would. */
export interface ScriptCommand {
  readonly env: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
}

/**
 * A script line as the commands that `&&` joins, or null when it needs a shell: pipes, redirections, variables,
 * globs, `;`, `||` and background jobs are left to one.
 */
export function parseScript(line: string): ScriptCommand[] | null {
  if (line.length > 2000) return null;
  const words = splitWords(line);
  if (words === null) return null;
  const commands: ScriptCommand[] = [];
  let current: string[] = [];
  for (const word of [...words, AND]) {
    if (word !== AND) current.push(word);
    else {
      if (current.length === 0) return null;
      commands.push(toCommand(current));
      current = [];
    }
  }
  return commands.some((command) => command.argv.length === 0) ? null : commands;
}

/** Stands for `&&` among the words; no word can equal it, because control characters are refused. */
const AND = "\0and";

function splitWords(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? "";
    if (character === " " || character === "\t") {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === "&" && line[at + 1] === "&") {
      if (word !== null) words.push(word);
      word = null;
      words.push(AND);
      at++;
    } else if (character === "'" || character === '"') {
      const end = line.indexOf(character, at + 1);
      const inside = end === -1 ? null : line.slice(at + 1, end);
      if (inside === null || (character === '"' && /[$`\\]/.test(inside)) || hasControl(inside)) return null;
      word = (word ?? "") + inside;
      at = end;
    } else if (/[$`\\|;<>&()*?[\]{}~#!]/.test(character) || hasControl(character)) return null;
    else word = (word ?? "") + character;
  }
  if (word !== null) words.push(word);
  return words;
}

function toCommand(words: readonly string[]): ScriptCommand {
  const env: Record<string, string> = {};
  let from = 0;
  if (words[0] === "exec" || words[0] === "env" || words[0] === "cross-env") from = 1;
  for (; from < words.length; from++) {
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(words[from] ?? "");
    if (assignment === null) break;
    env[assignment[1] ?? ""] = assignment[2] ?? "";
  }
  if (words[from] === "cross-env" || words[from] === "exec") {
    const rest = toCommand(words.slice(from));
    return { env: { ...env, ...rest.env }, argv: rest.argv };
  }
  return { env, argv: words.slice(from) };
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}
