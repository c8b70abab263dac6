import { expect, test } from "vitest";
import { isSameArchitecture, isSamePlatform, parsePlatform } from "./platform.ts";

const own = { os: "linux", arch: "x86_64" };

test.each([
  ["linux/amd64", "linux/amd64"],
  ["LINUX/AMD64", "linux/amd64"],
  ["linux/x86_64", "linux/amd64"],
  ["linux/amd64/v1", "linux/amd64"],
  ["linux/amd64/v3", "linux/amd64/v3"],
  ["amd64", "linux/amd64"],
  ["linux", "linux/amd64"],
  ["aarch64", "linux/arm64"],
  ["linux/arm64/v8", "linux/arm64"],
  ["linux/arm64/8", "linux/arm64"],
  ["linux/arm", "linux/arm/v7"],
  ["linux/arm/6", "linux/arm/v6"],
  ["linux/armhf", "linux/arm/v7"],
  ["linux/armel", "linux/arm/v6"],
  ["linux/i386", "linux/386"],
  ["macos/arm64", "darwin/arm64"],
  ["linux/s390x", "linux/s390x"],
])("the platform %s is read as %s", (text, platform) => {
  expect(parsePlatform(text, own)).toBe(platform);
});

test.each([
  "",
  "linux/",
  "/amd64",
  "linux/amd64/v1/x",
  "linux amd64",
  "nonsense",
  "constructor",
  "linux/*",
  "a".repeat(200),
  null,
  7,
])("the platform %j is refused", (text) => {
  expect(() => parsePlatform(text as string, own)).toThrow(expect.objectContaining({ code: "INVALID_INPUT" }));
});

test("two spellings of one platform are the same, two variants only the same architecture", () => {
  expect(isSamePlatform("linux/arm64/v8", "linux/aarch64")).toBe(true);
  expect(isSamePlatform("linux/arm/v6", "linux/arm")).toBe(false);
  expect(isSameArchitecture("linux/arm/v6", "linux/arm/v7")).toBe(true);
  expect(isSameArchitecture("linux/arm64", "linux/amd64")).toBe(false);
  expect(isSameArchitecture("windows/amd64", "linux/amd64")).toBe(false);
});

test("an engine or an image that does not tell its architecture fits any", () => {
  expect(isSameArchitecture("linux/", "linux/amd64")).toBe(true);
  expect(isSameArchitecture("linux/arm64", "linux/")).toBe(true);
  expect(() => parsePlatform("linux", { os: "linux", arch: "" })).toThrow();
});
