/**
 * Secrets that can be found again wherever they have gone, however they were written down, and the search for them.
 *
 * - N1  A canary has a core of 24 random hex digits, and is found by either half of it: what a page, a chunk or a limit
 *       has cut in two is found as well.
 * - N2  It is looked for as it is, reversed, in hex, in base64 and base64url wherever in a longer text it begins,
 *       percent-encoded and in JSON's `\u` escapes.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Canary {
  readonly name: string;
  /** The secret itself. */
  readonly text: string;
  readonly core: string;
}

/** A secret of plain characters, or one with what quoting, encoding and splitting stumble over. */
export function createCanary(name: string, kind: "plain" | "rich" = "plain"): Canary {
  const core = randomBytes(12).toString("hex");
  return { name, core, text: kind === "plain" ? `Kc-${core}-cK` : `Kc:"${core}\\ü/+ %$` };
}

/** A canary that a server made, which is not ours to shape. */
export function canaryOf(name: string, text: string): Canary {
  return { name, text, core: text };
}

/** The spellings by which a canary is found, each with its name. */
function spellingsOf({ core }: Canary): ReadonlyMap<string, string> {
  const bytes = [...Buffer.from(core)].map((byte) => byte.toString(16).padStart(2, "0"));
  const half = core.length >> 1;
  return new Map([
    ["first half", core.slice(0, half)],
    ["second half", core.slice(half)],
    ["reversed", Buffer.from(core).reverse().toString()],
    ["hex", bytes.join("")],
    ["upper hex", bytes.join("").toUpperCase()],
    ["percent", bytes.map((byte) => `%${byte}`).join("")],
    ["JSON escapes", bytes.map((byte) => `\\u00${byte}`).join("")],
    ...[0, 1, 2].flatMap((before): [string, string][] => {
      // The groups at both ends depend on what stands beside.
      const text = Buffer.from(" ".repeat(before) + core)
        .toString("base64")
        .slice(before === 0 ? 0 : 4, -4);
      return [
        [`base64 from ${before}`, text],
        [`base64url from ${before}`, text.replaceAll("+", "-").replaceAll("/", "_")],
      ];
    }),
  ]);
}

/** Says which canaries stand in a text, and how: `password: hex`. Empty where there is none. */
export function findCanaries(where: string, content: string | Buffer, canaries: readonly Canary[]): readonly string[] {
  const text = typeof content === "string" ? content : content.toString("latin1");
  return canaries.flatMap((canary) =>
    [...spellingsOf(canary)].flatMap(([spelling, needle]) =>
      text.includes(needle) ? [`${where}: ${canary.name} (${spelling})`] : [],
    ),
  );
}

/** Every file below a folder, by its path. */
export function filesBelow(folder: string): ReadonlyMap<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Map(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path, readFileSync(path)]),
  );
}

/** Reads the command lines of all processes of the machine, again and again, until it is told to stop. */
export function watchCommandLines(): { readonly stop: () => string } {
  const seen = new Set<string>();
  const look = (): void => {
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      try {
        seen.add(readFileSync(`/proc/${name}/cmdline`, "latin1"));
      } catch {
        // It has ended meanwhile.
      }
    }
  };
  const timer = setInterval(look, 50);
  return {
    stop: () => {
      look();
      clearInterval(timer);
      return [...seen].join("\n");
    },
  };
}
