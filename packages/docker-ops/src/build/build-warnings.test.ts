import { describe, expect, test } from "vitest";
import { buildWarnings, looksLikeSecret } from "./build-warnings.ts";
import { parseDockerfile } from "./dockerfile-images.ts";

const profile = {
  product: "docker",
  version: "20.10",
  apiVersion: "1.41",
  os: "linux",
  arch: "amd64",
  buildkit: true,
  pushAux: true,
  registryDigests: true,
  targetLabels: true,
  healthcheck: true,
} as const;

const sources = {
  parsed: null,
  options: {},
  replacements: [],
  profile,
  builder: "buildkit",
  unusedArguments: [],
  missingLabels: [],
} as const;

test.each([
  ["NPM_TOKEN", "abc", true],
  ["npmToken", "abc", true],
  ["DB_PASSWORD", "hunter2", true],
  ["API_KEY", "x", true],
  ["ANY", `ghp_${"a".repeat(36)}`, true],
  ["URL", "https://me:pw@example.com/x", true],
  ["KEY", "-----BEGIN RSA PRIVATE KEY-----\nx", true],
  ["NPM_TOKEN", "", false],
  ["NPM_TOKEN", "$OTHER", false],
  ["NPM_TOKEN_FILE", "/run/secrets/npm", false],
  ["TOKEN_TTL", "60", false],
  ["KEYBOARD", "qwerty", false],
  ["AUTHOR", "me", false],
  ["NODE_VERSION", "20", false],
  ["SECRET_ENABLED", "true", false],
  ["REGISTRY", "https://r.example.com:5000/x", false],
])("%s=%s looks like a secret: %s", (name, value, expected) => {
  expect(looksLikeSecret({ name, value })).toBe(expected);
});

describe("buildWarnings", () => {
  test("an argument and a Dockerfile's own setting are named, and their values are not", () => {
    const parsed = parseDockerfile("FROM a\nARG API_KEY=CANARY-1\nENV PASSWORD CANARY-2\nARG TOKEN\n");
    const warnings = buildWarnings({ ...sources, parsed, options: { buildArgs: { TOKEN: "CANARY-3", A: "b" } } });
    expect(warnings).toHaveLength(3);
    expect(warnings.join("\n")).toMatch(/argument TOKEN .*\nARG API_KEY .*\nENV PASSWORD /);
    expect(warnings.join("\n")).not.toContain("CANARY");
    expect(warnings[0]).toContain("`secrets`");
  });

  test("an argument that the engine says is not taken is named, and no other word of its", () => {
    const options = { buildArgs: { NOPE: "1" } };
    expect(buildWarnings({ ...sources, options, unusedArguments: ["NOPE", "invented"] })).toEqual([
      "no instruction takes the build argument NOPE",
    ]);
  });

  test("a HEALTHCHECK that the engine drops is told, only where there is one", () => {
    const parsed = parseDockerfile("FROM a\nHEALTHCHECK CMD true\n");
    const podman = { ...profile, buildkit: false, healthcheck: false };
    expect(buildWarnings({ ...sources, parsed, profile: podman, builder: "classic" }).join()).toContain("HEALTHCHECK");
    expect(buildWarnings({ ...sources, parsed })).toEqual([]);
    expect(buildWarnings({ ...sources, profile: podman, builder: "classic" })).toEqual([]);
  });
});
