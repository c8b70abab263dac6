/**
 * The grammar of an image reference, as distribution/reference defines it (v0.6).
 *
 *   reference            := name [ ":" tag ] [ "@" digest ]
 *   name                 := [ domain "/" ] remote-name
 *   domain               := host [ ":" port-number ]
 *   host                 := domain-name | IPv4 | "[" IPv6 "]"
 *   domain-name          := domain-component [ "." domain-component ]*
 *   domain-component     := letter-or-digit, or several with "-" inside
 *   remote-name          := path-component [ "/" path-component ]*
 *   path-component       := alpha-numeric [ separator alpha-numeric ]*
 *   separator            := "_" | "." | "__" | "-"+
 *   tag                  := word character, then up to 127 word characters, "." or "-"
 *   digest               := algorithm ":" at least 32 hex digits
 *
 * Every expression is anchored and has no ambiguous repetition: matching is linear. The input is capped before it
 * comes here.
 */

const alphaNumeric = "[a-z0-9]+";
const separator = "(?:[._]|__|[-]+)";
const pathComponent = `${alphaNumeric}(?:${separator}${alphaNumeric})*`;
const remoteName = `${pathComponent}(?:/${pathComponent})*`;
const domainComponent = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const ipv6 = "\\[(?:[a-fA-F0-9:]+)\\]";
const host = `(?:${domainComponent}(?:\\.${domainComponent})*|${ipv6})`;
const domain = `${host}(?::[0-9]+)?`;
const tag = "[\\w][\\w.-]{0,127}";
const digest = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*[:][0-9a-fA-F]{32,}";

/** Groups: name, tag, digest. */
export const REFERENCE = new RegExp(`^((?:${domain}/)?${remoteName})(?::(${tag}))?(?:@(${digest}))?$`);

/** Groups: domain, path. */
export const NAME = new RegExp(`^(?:(${domain})/)?(${remoteName})$`);

/** An image id as engines write it, with or without its algorithm. */
export const IDENTIFIER = /^(?:sha256:)?[a-f0-9]{64}$/;

/** Hex digits that each registered algorithm must have. */
export const DIGEST_LENGTHS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** The longest repository name, domain included, that a registry accepts. */
export const LONGEST_NAME = 255;
