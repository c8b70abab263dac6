/** The flags and the arguments of one instruction's text. Each character is looked at a fixed number of times. */
export interface InstructionParts {
  readonly flags: ReadonlyMap<string, string>;
  /** The values of `--mount`, which may stand several times. */
  readonly mounts: readonly string[];
  /** Everything after the flags, with continued lines joined and the comments between them left out. */
  readonly text: string;
}

const withFlags = new Set(["ADD", "COPY", "FROM", "HEALTHCHECK", "RUN"]);

/** Splits what follows the keyword. */
export function splitInstruction(raw: string, escape: string, keyword: string): InstructionParts {
  const joined = joinLines(raw, escape).trim();
  const flags = new Map<string, string>();
  const mounts: string[] = [];
  if (!withFlags.has(keyword)) return { flags, mounts, text: joined };
  const flag = /--([A-Za-z][\w-]*)(?:=(\S*))?(?:\s+|$)/y;
  let at = 0;
  for (let match = flag.exec(joined); match !== null; match = flag.exec(joined)) {
    const name = (match[1] ?? "").toLowerCase();
    if (name === "mount") mounts.push(match[2] ?? "");
    flags.set(name, match[2] ?? "");
    at = flag.lastIndex;
  }
  return { flags, mounts, text: joined.slice(at) };
}

function joinLines(raw: string, escape: string): string {
  if (!raw.includes("\n")) return raw;
  const parts: string[] = [];
  let continues = false;
  for (const line of raw.split(/\r?\n/)) {
    const trimmed = line.trimStart();
    if (continues && (trimmed === "" || trimmed.startsWith("#"))) continue;
    const end = line.trimEnd();
    continues = end.endsWith(escape);
    parts.push(continues ? end.slice(0, -1) : `${line}\n`);
  }
  return parts.join("");
}
