/** A `WWW-Authenticate` challenge (RFC 9110 section 11.6.1; bearer fields of the distribution token specification). */
export interface Challenge {
  readonly scheme: "basic" | "bearer";
  readonly realm?: string;
  readonly service?: string;
  readonly scope?: string;
}

const LONGEST = 4096;

/** The first challenge that we can answer, or null. Bearer is preferred where both are offered. */
export function parseChallenge(header: string | undefined): Challenge | null {
  if (header === undefined || header.length > LONGEST) return null;
  const bearer = /\bbearer\s+(.*)/i.exec(header);
  if (bearer !== null) {
    const parameters = Object.fromEntries(
      [...(bearer[1] ?? "").matchAll(/([a-z]+)="([^"]*)"/gi)].map(([, name = "", value = ""]) => [
        name.toLowerCase(),
        value,
      ]),
    );
    const { realm, service, scope } = parameters;
    return {
      scheme: "bearer",
      ...(realm === undefined ? {} : { realm }),
      ...(service === undefined ? {} : { service }),
      ...(scope === undefined ? {} : { scope }),
    };
  }
  return /\bbasic\b/i.test(header) ? { scheme: "basic" } : null;
}
