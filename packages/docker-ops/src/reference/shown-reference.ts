import { MASK } from "@container-kit/observability";

/** An `@` that begins no digest: what stands before it is user information, and may be a password. */
const USER_INFORMATION = /^.*@(?!(?:sha\d{1,3}|md5):[^@]*$)/s;

/** A text that is no reference, as an error may show it: short, and without what looks like a login. */
export function shownReference(text: string): string {
  const safe = text.replace(USER_INFORMATION, `${MASK}@`);
  return safe.length > 120 ? `${safe.slice(0, 120)}…` : safe;
}
