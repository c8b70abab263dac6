/**
 * Certificates for tests, made in the moment they are needed: a right one, and three that no client may accept.
 *
 * Written in DER by hand (RFC 5280 section 4.1) and signed with node:crypto, since openssl is not on every machine and
 * not every version of it makes a certificate that has expired.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { isIPv4 } from "node:net";

/**
 * What is wrong with the certificate. `trusted`: nothing, once the client trusts the authority. `self-signed`: it has no
 * authority. `expired`: it was good until yesterday. `wrong-host`: it is another host's.
 */
export type CertificateKind = "trusted" | "self-signed" | "expired" | "wrong-host";

/** A certificate with its key, in PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** The authority that signed it, for a client's list of trusted ones; the certificate itself where it is self-signed. */
  readonly ca: string;
}

/** The one name that a `wrong-host` certificate is good for. */
const WRONG_HOST = "elsewhere.invalid";

const DAY_MS = 86_400_000;

/** Makes a certificate for these host names and IPv4 addresses. */
export function makeCertificate(kind: CertificateKind, hosts: readonly string[]): Certificate {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const names = kind === "wrong-host" ? [WRONG_HOST] : hosts;
  const tomorrow = Date.now() + DAY_MS;
  const until = kind === "expired" ? Date.now() - DAY_MS : tomorrow;
  const leaf = { subject: names[0] ?? "localhost", publicKey: pair.publicKey, names, until };
  if (kind === "self-signed") {
    const cert = issue({ ...leaf, issuer: leaf.subject, signer: pair.privateKey });
    return { key, cert, ca: cert };
  }
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = "container-kit test authority";
  const ca = issue({
    subject: issuer,
    issuer,
    publicKey: authority.publicKey,
    signer: authority.privateKey,
    until: tomorrow,
  });
  return { key, cert: issue({ ...leaf, issuer, signer: authority.privateKey }), ca };
}

interface Order {
  readonly subject: string;
  readonly publicKey: KeyObject;
  readonly issuer: string;
  readonly signer: KeyObject;
  /** Valid until then, from two days before, in milliseconds since 1970. */
  readonly until: number;
  /** Whom it is good for; an authority's has none. */
  readonly names?: readonly string[];
}

function issue({ subject, publicKey, issuer, signer, until, names }: Order): string {
  const algorithm = sequence(oid("2a8648ce3d040302")); // ecdsa-with-SHA256
  const extension =
    names === undefined
      ? sequence(oid("551d13"), der(0x01, Buffer.from([0xff])), der(0x04, sequence(der(0x01, Buffer.from([0xff]))))) // CA
      : sequence(oid("551d11"), der(0x04, sequence(...names.map(alternativeName))));
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    commonName(issuer),
    sequence(time(until - 2 * DAY_MS), time(until)),
    commonName(subject),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(extension)),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign("sha256", body, signer)]);
  const lines =
    sequence(body, algorithm, der(0x03, signature))
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

/** One value: tag, length, content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function integer(bytes: Buffer): Buffer {
  return der(0x02, bytes);
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, "hex"));
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid("550403"), der(0x0c, Buffer.from(name)))));
}

function alternativeName(host: string): Buffer {
  return isIPv4(host) ? der(0x87, Buffer.from(host.split(".").map(Number))) : der(0x82, Buffer.from(host));
}

/** UTCTime, good until 2049: `YYMMDDhhmmssZ`. */
function time(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}
