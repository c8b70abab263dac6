/*
 * What a terminal or a reader would not show, or would show as something else: control characters, text direction
 * marks, zero-width characters and Unicode tags. Line feed and tab stay.
 */
const INVISIBLE =
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;
// eslint-disable-next-line no-control-regex -- an escape character begins a colour
const COLOUR = /\u001b\[[0-9;]{0,32}m/g;

/** Nearly all text is, and one look says so. */
const PLAIN = /^[\t\n\u0020-\u007e]*$/;

/** The text with colours dropped and every other invisible character written out as `\u{…}`. */
export function visible(text: string): string {
  if (PLAIN.test(text)) return text;
  return text
    .replaceAll(COLOUR, "")
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** {@link visible} text on one line, cut to a length. */
export function visibleLine(text: string, length: number): string {
  const line = visible(text.length > length * 4 ? text.slice(0, length * 4) : text)
    .replaceAll(/\s+/g, " ")
    .trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
