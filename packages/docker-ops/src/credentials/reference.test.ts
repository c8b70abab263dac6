import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { registryAuthHeader } from "./auth-header.ts";
import { parseCredentialReference } from "./reference.ts";
import { resolveCredential } from "./resolve.ts";

let folder: string;
let env: Record<string, string | undefined>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "credential-reference-"));
  env = { DOCKER_CONFIG: folder, HOME: folder, PATH: folder };
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const resolve = (registry: string, ...references: readonly string[]) =>
  resolveCredential(registry, { env, credentials: references.map(parseCredentialReference) });

async function found(registry: string, ...references: readonly string[]): Promise<string> {
  const { source, username, password, identityToken } = await resolve(registry, ...references);
  return [source, username, password?.reveal() ?? identityToken?.reveal()].join(" ");
}

async function file(content: string): Promise<string> {
  const path = join(folder, "secret=file");
  await writeFile(path, content);
  return path;
}

describe("a credential reference", () => {
  test.each([
    ["env:U,P", { from: { kind: "env", username: "U", password: "P" } }],
    ["r:5000=env:U,P", { registry: "r:5000", from: { kind: "env", username: "U", password: "P" } }],
    ["https://r/v2/=file:/a=b", { registry: "r", from: { kind: "file", path: "/a=b" } }],
    ["file:/a=b", { from: { kind: "file", path: "/a=b" } }],
    ["[::1]:5000=file:x", { registry: "[::1]:5000", from: { kind: "file", path: "x" } }],
  ])("%s is read", (text, expected) => {
    expect(parseCredentialReference(text)).toEqual(expected);
  });

  test.each([
    "",
    "hunter2:pass",
    "env:U",
    "env:U,",
    "env:1,2",
    "env:U,P,Q",
    "file:",
    "=env:U,P",
    "a b=env:U,P",
    "r=hunter2",
    "file:a\0b",
  ])("%j is refused without being repeated", (text) => {
    expect(() => parseCredentialReference(text)).toThrow(
      expect.objectContaining({ code: "INVALID_INPUT", message: expect.not.stringContaining("hunter2") }),
    );
  });

  test("to the environment is used as it stands there", async () => {
    Object.assign(env, { U: "user", P: "pa:ss word\n" });
    expect(await found("r", "env:U,P")).toBe("explicit user pa:ss word\n");
  });

  test("that is bound serves exactly its host and port, and comes before an unbound one", async () => {
    Object.assign(env, { U: "u", P: "p", V: "v", Q: "q" });
    expect(await found("r:5000", "env:U,P", "r:5000=env:V,Q")).toBe("explicit v q");
    expect(await found("r:5001", "env:U,P", "r:5000=env:V,Q")).toBe("explicit u p");
    expect(await found("r:5001", "r:5000=env:V,Q")).toBe("none  ");
    expect(await found("r", "r:5000=env:V,Q")).toBe("none  ");
    for (const hub of ["docker.io", "index.docker.io", "registry-1.docker.io"])
      expect(await found("docker.io", `${hub}=env:V,Q`)).toBe("explicit v q");
  });

  test("wins over a helper, which is not even run", async () => {
    Object.assign(env, { U: "u", P: "p" });
    await writeFile(
      join(folder, "config.json"),
      JSON.stringify({ credsStore: "missing", credHelpers: { r: "missing" } }),
    );
    expect(await found("r", "env:U,P")).toBe("explicit u p");
    await expect(resolve("r")).rejects.toMatchObject({ code: "CREDENTIAL_HELPER_FAILED" });
  });

  test("works beside a damaged docker configuration", async () => {
    Object.assign(env, { U: "u", P: "p" });
    await writeFile(join(folder, "config.json"), "{");
    expect(await found("r", "env:U,P")).toBe("explicit u p");
  });

  test("to a variable that is not set names it", async () => {
    env["U"] = "hunter2";
    await expect(resolve("r", "env:U,NOT_SET")).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining("NOT_SET"),
      details: { variable: "NOT_SET" },
    });
  });

  const auth = Buffer.from("u:p:w").toString("base64");
  test.each([
    ["a docker configuration", JSON.stringify({ auths: { "https://r/v1/": { auth } } }), "explicit u p:w"],
    ["user and password in JSON", '\uFEFF{"username":"u","password":"p:w"}', "explicit u p:w"],
    ["an identity token in JSON", '{"identitytoken":"refresh"}', "explicit  refresh"],
    ["one line", "u:p:w\n", "explicit u p:w"],
    ["one line of a Windows editor", "u:p:w\r\n", "explicit u p:w"],
  ])("to a file with %s is read", async (_what, content, expected) => {
    expect(await found("r", `file:${await file(content)}`)).toBe(expected);
  });

  test.each([
    ["another registry's entry", JSON.stringify({ auths: { other: { auth } } })],
    ["nothing", ""],
    ["two lines", "u:hunter2\nv:hunter2\n"],
    ["no password", '{"username":"hunter2"}'],
    ["broken JSON", '{"password":"hunter2"'],
    ["too much", `u:${"hunter2".repeat(10_000)}`],
  ])("to a file with %s is refused by its name and without its content", async (_what, content) => {
    const path = await file(content);
    const failure = resolve("r", `file:${path}`);
    await expect(failure).rejects.toMatchObject({ code: "INVALID_INPUT", message: expect.stringContaining(path) });
    await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining("hunter2") });
  });

  test("to a missing file, a folder and a pipe is refused at once", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("/usr/bin/mkfifo", [pipe]);
    for (const path of [join(folder, "missing"), folder, pipe])
      await expect(resolve("r", `file:${path}`)).rejects.toMatchObject({ code: "INVALID_INPUT" });
  });

  test("brings any user and password to the engine as they are", async () => {
    const text = fc.string({ unit: "binary", minLength: 1 }).filter((value) => !/[\uD800-\uDFFF]/.test(value));
    await fc.assert(
      fc.asyncProperty(text, text, async (username, password) => {
        Object.assign(env, { U: username, P: password });
        const header = registryAuthHeader(await resolve("r", "env:U,P"));
        expect(JSON.parse(Buffer.from(header, "base64url").toString("utf8"))).toEqual({
          username,
          password,
          serveraddress: "r",
        });
      }),
      { numRuns: 200 },
    );
  });
});
