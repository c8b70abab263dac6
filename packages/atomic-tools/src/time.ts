/** A time as results show it. */
export function toTime(at: number): string {
  return new Date(at).toISOString();
}

/** The same for what may not have happened yet. */
export function toTimeOrNull(at: number | null): string | null {
  return at === null ? null : toTime(at);
}
