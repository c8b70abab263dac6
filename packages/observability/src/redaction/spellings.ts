/** The shortest secret that is masked: masking a shorter one would shred every message. */
export const SHORTEST_SECRET = 4;

/** The shortest stretch of base64 that is taken for a part of a longer one: a shorter one would be there by chance. */
const SHORTEST_STRETCH = 8;

/** The shortest line of a secret that is one by itself. */
const SHORTEST_LINE = 12;

/** The secret, and each line of one that has several: a log gives them out one by one, each with something before it. */
export function partsOf(secret: string): readonly string[] {
  const lines = secret.split(/[\r\n]+/).map((line) => line.trim());
  return lines.length === 1 ? [secret] : [secret, ...lines.filter((line) => line.length >= SHORTEST_LINE)];
}

/**
 * Every way in which a secret's text is written where it may meet us: as it is, in a URL (either case of the digits,
 * a space as `+`), escaped as in JSON (once, and once more for JSON within JSON), in base64, and within something
 * longer that is in base64, such as `user:secret`.
 */
export function spellingsOf(secret: string): ReadonlySet<string> {
  const bytes = Buffer.from(secret);
  const inUrl = percentEncoded(secret);
  const inForm = new URLSearchParams([["", secret]]).toString().slice(1);
  const escaped = JSON.stringify(secret).slice(1, -1);
  const padded = bytes.toString("base64");
  const all = [
    secret,
    ...[inUrl, inForm, inForm.replaceAll("+", "%20")].flatMap((text) => [
      text,
      text.replace(/%[0-9A-F]{2}/g, (digits) => digits.toLowerCase()),
    ]),
    escaped,
    JSON.stringify(escaped).slice(1, -1),
    padded,
    padded.replace(/=+$/, ""),
    bytes.toString("base64url"),
    ...stretches(bytes),
  ];
  return new Set(all.filter((spelling) => spelling.length >= SHORTEST_SECRET));
}

/** Half of a surrogate pair has no URL spelling; it must not keep the secret from being learned. */
function percentEncoded(secret: string): string {
  try {
    return encodeURIComponent(secret);
  } catch {
    return encodeURIComponent(Buffer.from(secret).toString());
  }
}

/** The characters of base64 that a secret alone decides, wherever in the encoded bytes it begins. */
function stretches(bytes: Buffer): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const from = Math.ceil((before * 8) / 6);
    const to = Math.floor(((before + bytes.length) * 8) / 6);
    const stretch = encoded.slice(from, to);
    if (stretch.length < SHORTEST_STRETCH) return [];
    return [stretch, stretch.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
