// The control characters of C0 and C1 but for the line feed and the tab, and the escape sequences that begin with them.
const CONTROL =
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  /\u001b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|\][^\u0007\u001b]{0,2048}(?:\u0007|\u001b\\))?|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text that came from an engine or a file, safe to show on a terminal: it cannot move the cursor or hide anything. */
export function toPlainText(text: string): string {
  return text.replace(CONTROL, "");
}

/** The first line of a text, safe to show, cut to a width. */
export function toLine(text: string, width: number): string {
  const [line = ""] = toPlainText(text).replaceAll("\t", " ").split("\n", 1);
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}
