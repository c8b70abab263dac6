// Half a pair is kept as something else than it is, so that who gave it would not find it again.
// oxlint-disable-next-line no-control-regex -- it is what is refused
const UNUSUAL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|\p{Surrogate}/u;

/** Whether something is text of 1 to `longest` characters, without control characters and halves of characters. */
export function isPlainText(text: unknown, longest: number): text is string {
  return typeof text === "string" && text.length >= 1 && text.length <= longest && !UNUSUAL.test(text);
}
