/**
 * The release lines of Node that the analysis knows, from the schedule of the Node release working group
 * (https://github.com/nodejs/release). A line that is newer than this table is accepted and not warned of.
 */
interface ReleaseLine {
  readonly major: number;
  /** The day after which it gets no fixes, or null when this table does not know. */
  readonly endOfLife: string;
  readonly codename?: string;
}

const lines: readonly ReleaseLine[] = [
  { major: 4, endOfLife: "2018-04-30", codename: "argon" },
  { major: 6, endOfLife: "2019-04-30", codename: "boron" },
  { major: 8, endOfLife: "2019-12-31", codename: "carbon" },
  { major: 10, endOfLife: "2021-04-30", codename: "dubnium" },
  { major: 12, endOfLife: "2022-04-30", codename: "erbium" },
  { major: 14, endOfLife: "2023-04-30", codename: "fermium" },
  { major: 16, endOfLife: "2023-09-11", codename: "gallium" },
  { major: 18, endOfLife: "2025-04-30", codename: "hydrogen" },
  { major: 20, endOfLife: "2026-04-30", codename: "iron" },
  { major: 22, endOfLife: "2027-04-30", codename: "jod" },
  { major: 24, endOfLife: "2028-04-30", codename: "krypton" },
];

/** What is used when nothing asks for another version: the newest line with long-term support in this table. */
export const defaultMajor = 24;

/** The majors to choose from for a range, the best first: the default, then the newest supported, then the rest. */
export function majorsByPreference(now: Date): number[] {
  const newestFirst = lines.map((line) => line.major).reverse();
  const supported = newestFirst.filter((major) => endOfLife(major, now) === null);
  // A line that never had long-term support is taken only when nothing else fits.
  const odd = [25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5];
  return [...new Set([defaultMajor, ...supported, ...newestFirst, ...odd])];
}

/** The major of `lts/<codename>`. */
export function majorOfCodename(codename: string): number | undefined {
  return lines.find((line) => line.codename === codename)?.major;
}

/** The major of `lts/*` and of `lts/-n`, n lines before it. */
export function longTermMajor(before: number): number | undefined {
  const known = lines.filter((line) => line.major <= defaultMajor);
  return known[known.length - 1 - before]?.major;
}

/** The day a line ended when that day has passed, else null. Odd lines end about when the next even one is half a year old. */
export function endOfLife(major: number, now: Date): string | null {
  const line = lines.find((candidate) => candidate.major === major);
  const end = line?.endOfLife ?? oddLineEnd(major);
  return end !== null && now.getTime() > Date.parse(`${end}T23:59:59Z`) ? end : null;
}

function oddLineEnd(major: number): string | null {
  // Line 5 ended in June 2016, and each odd line one year after the one before: 2 majors a year.
  return major % 2 === 1 && major >= 5 && major <= 25 ? `${2016 + (major - 5) / 2}-06-01` : null;
}
