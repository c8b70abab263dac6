import { sourceFiles } from "./source-files.js";

/** Counts the lines below a folder, in all and by extension. */
export async function countLines(folder, { signal, report }) {
  const counted = { files: 0, lines: 0, byExtension: {} };
  for await (const { extension, text } of sourceFiles(folder, { signal })) {
    const lines = text === "" ? 0 : text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
    counted.files += 1;
    counted.lines += lines;
    counted.byExtension[extension] = (counted.byExtension[extension] ?? 0) + lines;
    report({ message: `${counted.files} files`, id: "files", current: counted.files, unit: "steps" });
  }
  return counted;
}
