import { readFile, stat } from "node:fs/promises";
import { LineCounter, parseDocument } from "yaml";
import type { Document } from "yaml";
import { fail } from "../errors.ts";
import { configFileSchema } from "./config-file.ts";
import type { ConfigFile } from "./config-file.ts";

const MAX_BYTES = 1024 * 1024;

/**
 * Reads and checks one configuration file.
 *
 * @returns `undefined` when there is no such file
 * @throws INVALID_INPUT with the path, the line and what is wrong
 */
export async function readConfigFile(path: string): Promise<ConfigFile | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line } = lines.linePos(broken.pos[0]);
    throw invalid(path, [{ line, path: "", message: broken.message.split("\n")[0] ?? "invalid YAML" }]);
  }
  const content: unknown = toPlain(document, path) ?? {};
  const parsed = configFileSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw invalid(
    path,
    parsed.error.issues.toSorted(unknownFirst).map((issue) => ({
      line: lineOf(document, lines, issue.code === "unrecognized_keys" ? [...issue.path, ...issue.keys] : issue.path),
      path: issue.path.join("."),
      message: issue.message.replace(/^Invalid input: (expected .*), received undefined$/, "is missing: $1"),
    })),
  );
}

/** Where a member is missing, the one that is misspelt is mostly the reason. */
function unknownFirst(one: { readonly code?: string }, other: { readonly code?: string }): number {
  return Number(other.code === "unrecognized_keys") - Number(one.code === "unrecognized_keys");
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) throw invalid(path, [{ line: 1, path: "", message: "the file is larger than 1 MiB" }]);
    return await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "INVALID_INPUT") throw error;
    throw fail("INVALID_INPUT", `${path} cannot be read: ${code ?? String(error)}`, {
      cause: error,
      remedy: "Make the configuration file readable, or name another one with --config.",
    });
  }
}

/** Aliases that blow up are refused by the YAML library; that is a mistake of the file, not of ours. */
function toPlain(document: Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw invalid(path, [{ line: 1, path: "", message: (error as Error).message }]);
  }
}

interface Issue {
  readonly line: number;
  readonly path: string;
  readonly message: string;
}

function invalid(path: string, issues: readonly Issue[]): Error {
  const [first] = issues;
  const where = first === undefined ? path : `${path}:${first.line}`;
  const what = first === undefined ? "invalid" : `${first.path === "" ? "" : `${first.path}: `}${first.message}`;
  return fail("INVALID_INPUT", `${where}: ${what}`, {
    details: { file: path, issues },
    remedy: "Correct the configuration file; `container-kit config schema` prints what it may say.",
  });
}

function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const node = document.getIn(path.slice(0, depth), true);
    if (typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range)) {
      return lines.linePos(node.range[0] as number).line;
    }
  }
  return 1;
}
