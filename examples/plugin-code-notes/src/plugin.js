/**
 * A plugin is a named export `plugin`: plain data and a few functions. zod is all that it needs.
 */
import { z } from "zod";
import { countLines } from "./count-lines.js";
import { findNotes } from "./find-notes.js";

export const plugin = {
  name: "code-notes",
  version: "1.0.0",
  apiVersion: 1,
  tools: [
    {
      name: "count_lines",
      title: "Count lines",
      description:
        "Counts the lines of the files of a folder by file extension. Use it to see how large a source tree is. Changes nothing.",
      toolset: "notes",
      annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
      input: z.object({
        path: z.string().min(1).describe("absolute path of a folder that this plugin may read"),
      }),
      output: z.object({
        files: z.number().int(),
        lines: z.number().int(),
        byExtension: z.record(z.string(), z.number().int()),
      }),
      run: ({ path }, { signal, report }) => countLines(path, { signal, report }),
      summarize: ({ files, lines }) => `${lines} lines in ${files} files`,
    },
  ],
  scanners: [
    {
      name: "find_notes",
      title: "Notes in code",
      description: "Finds TODO, FIXME and XXX in source files.",
      describes: ["path"],
      scan: ({ target }, { signal }) => findNotes(target, { signal }),
    },
  ],
};
