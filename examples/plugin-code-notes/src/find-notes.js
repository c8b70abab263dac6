import { relative } from "node:path";
import { sourceFiles } from "./source-files.js";

const NOTE = /\b(TODO|FIXME|XXX)\b[:\s]*(.*)/;
const SEVERITY = { TODO: "low", FIXME: "medium", XXX: "low" };
const MOST = 1_000;

/** Finds notes below a folder, each with its file and line. */
export async function findNotes(folder, { signal }) {
  const findings = [];
  for await (const { path, text } of sourceFiles(folder, { signal })) {
    for (const [index, line] of text.split("\n").entries()) {
      const [, word, rest] = NOTE.exec(line) ?? [];
      if (word === undefined) continue;
      const message = rest.trim().slice(0, 200) || "no text";
      findings.push({
        rule: word.toLowerCase(),
        severity: SEVERITY[word],
        message,
        file: relative(folder, path),
        line: index + 1,
      });
      if (findings.length >= MOST) return findings;
    }
  }
  return findings;
}
