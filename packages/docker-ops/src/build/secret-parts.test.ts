import { expect, test } from "vitest";
import { secretParts } from "./secret-parts.ts";

test.each([
  ["an .npmrc", "//registry.example.com/:_authToken=npm_leak1111\n", "npm_leak1111"],
  ["a .env", 'A=x\nDATABASE_PASSWORD="hunter-two-two"\n', "hunter-two-two"],
  ["a .netrc", "machine example.com login me password sesame-sesame", "sesame-sesame"],
  ["JSON", '{"user": "me", "password": "open-sesame-1"}', "open-sesame-1"],
  ["YAML", "password: 'open-sesame-2'", "open-sesame-2"],
  ["a URL", "https://me:p4ssw0rd-url@example.com/x", "p4ssw0rd-url"],
  ["a connection string", "URL=Server=db;Password=with;semicolons", "Server=db;Password=with;semicolons"],
  ["a key of many lines", "-----BEGIN-----\nMIIEvQIBADAN\n-----END-----\n", "MIIEvQIBADAN"],
  ["a bare token", "ghp_0123456789", "ghp_0123456789"],
])("the value in %s is a part", (_what, text, value) => {
  expect(secretParts(text)).toContain(value);
});

test("the whole is a part however short it is, and short words in it are none", () => {
  expect(secretParts("abc")).toEqual(["abc"]);
  expect(secretParts("user=me\nmode=ro\n")).not.toContain("me");
});
