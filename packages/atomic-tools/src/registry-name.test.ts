import { describe, expect, test } from "vitest";
import { readRegistry, readRepository } from "./registry-name.ts";

describe("a registry", () => {
  test.each([
    ["registry.example.com", "registry.example.com"],
    ["127.0.0.1:5000", "127.0.0.1:5000"],
    ["localhost", "localhost"],
    ["[::1]:5000", "[::1]:5000"],
    ["https://registry.example.com/v2/", "registry.example.com"],
    ["HTTP://127.0.0.1:5000", "127.0.0.1:5000"],
    ["127.0.0.1:5000/team/app:1.0", "127.0.0.1:5000"],
    ["r.example.com/app@sha256:".padEnd(24 + 64, "a"), "r.example.com"],
    [" registry.example.com\n", "registry.example.com"],
    ["docker.io", "docker.io"],
    ["https://index.docker.io/v1/", "docker.io"],
    ["registry-1.docker.io", "docker.io"],
  ])("%j is %s", (text, registry) => {
    expect(readRegistry(text)).toBe(registry);
  });

  test.each([
    "",
    " ",
    "node",
    "team/app",
    "--help",
    "a b.com",
    "r.example.com:port",
    "https://",
    "../a",
    "r\u0000.com",
  ])("%j is refused", (text) => {
    expect(() => readRegistry(text)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
  });

  test.each(["https://ada:hunter2-canary@r.example.com", "ada:hunter2-canary@r.example.com"])(
    "user information is refused without being repeated",
    (text) => {
      expect(() => readRegistry(text)).toThrow(
        expect.objectContaining({ code: "INVALID_INPUT", message: expect.not.stringContaining("canary") }),
      );
    },
  );
});

test.each([
  ["r.example.com", "team/app", "team/app"],
  ["r.example.com", "team/app:1.0", "team/app"],
  ["r.example.com", "r.example.com/team/app", "team/app"],
  ["docker.io", "node", "library/node"],
])("in %s the repository %s is %s", (registry, text, repository) => {
  expect(readRepository(registry, text)).toBe(repository);
});

test("what is no repository is refused", () => {
  expect(() => readRepository("r.example.com", "UPPER")).toThrow(
    expect.objectContaining({ code: "INVALID_REFERENCE" }),
  );
});
