import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Secret } from "@container-kit/observability";
import { registryAuthHeader } from "./auth-header.ts";
import { readDockerConfig } from "./config-file.ts";
import { askHelper } from "./helper.ts";
import { keyMatches, registryKey } from "./registry-key.ts";
import { resolveCredential } from "./resolve.ts";

let folder: string;
let env: Record<string, string | undefined>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "docker-config-"));
  env = { DOCKER_CONFIG: folder, PATH: `${folder}:${process.env["PATH"]}`, HOME: folder };
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const configure = (config: unknown) =>
  writeFile(join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config));
const auth = (user: string, password: string) => ({ auth: Buffer.from(`${user}:${password}`).toString("base64") });
const helper = async (name: string, script: string) => {
  const file = join(folder, `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
};

async function found(
  registry: string,
): Promise<{ source: string; username: string | undefined; password: string | undefined; token: string | undefined }> {
  const { source, username, password, identityToken } = await resolveCredential(registry, { env });
  return { source, username, password: password?.reveal(), token: identityToken?.reveal() };
}

describe("the configuration file", () => {
  test("credentials are found under the host with its port, and never under another port", async () => {
    await configure({ auths: { "localhost:5000": auth("a", "1"), "localhost:5001": auth("b", "2") } });
    expect(await found("localhost:5000")).toMatchObject({ source: "file", username: "a", password: "1" });
    expect(await found("localhost:5001")).toMatchObject({ username: "b", password: "2" });
    expect(await found("localhost:5002")).toMatchObject({ source: "none" });
    expect(await found("localhost")).toMatchObject({ source: "none" });
  });

  test.each(["docker.io", "index.docker.io", "registry-1.docker.io"])(
    "Docker Hub's entry serves %s",
    async (registry) => {
      await configure({ auths: { "https://index.docker.io/v1/": auth("hub", "pw") } });
      expect(await found(registry)).toMatchObject({ source: "file", username: "hub" });
    },
  );

  test("an entry that is a URL serves its host", async () => {
    await configure({ auths: { "https://r.example.com/v2/": auth("u", "p") } });
    expect(await found("r.example.com")).toMatchObject({ username: "u" });
    expect(await found("example.com")).toMatchObject({ source: "none" });
  });

  test("only the first colon separates the user from the password", async () => {
    await configure({ auths: { r: auth("u", "pa:ss:word") } });
    expect(await found("r")).toMatchObject({ username: "u", password: "pa:ss:word" });
  });

  test("any password comes out as it went in, and reaches the engine as it is", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc
          .string({ unit: "binary", minLength: 1, maxLength: 200 })
          .filter((text) => !/^\0|\0$|[\uD800-\uDFFF]/.test(text)),
        async (password) => {
          await configure({ auths: { r: auth("user", password) } });
          const credential = await resolveCredential("r", { env });
          const header = registryAuthHeader(credential);
          expect(header).toMatch(/^[\w-]+={0,2}$/);
          expect(header.length % 4).toBe(0);
          expect(JSON.parse(Buffer.from(header, "base64url").toString("utf8"))).toMatchObject({
            username: "user",
            password,
            serveraddress: "r",
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  test("an identity token is kept apart from a password", async () => {
    await configure({
      auths: { r: { ...auth("00000000-0000-0000-0000-000000000000", ""), identitytoken: "refresh" } },
    });
    expect(await found("r")).toMatchObject({ source: "file", token: "refresh", password: undefined });
  });

  test("the empty entry that `docker login` leaves beside a store is no credential", async () => {
    await configure({ auths: { r: {} } });
    expect(await found("r")).toMatchObject({ source: "none" });
  });

  test.each([
    ["{", "not a valid"],
    ['{"auths":[1]}', "not a valid"],
    [`"${"x".repeat(1_100_000)}"`, "larger"],
  ])("a damaged file is told without its content", async (content, problem) => {
    await configure(content);
    const config = await readDockerConfig(env);
    expect(config.problem).toContain(problem);
    expect(config.auths).toEqual({});
  });

  test("a damaged entry and a damaged file are told with the credential that could not be found", async () => {
    await configure({ auths: { bad: { auth: "no colon" }, good: auth("u", "p") } });
    expect(await resolveCredential("bad", { env })).toMatchObject({ source: "none", problem: expect.any(String) });
    expect(await resolveCredential("good", { env })).not.toHaveProperty("problem");
    await configure("{");
    expect(await resolveCredential("good", { env })).toMatchObject({
      source: "none",
      problem: expect.stringContaining("not a valid"),
    });
  });

  test("null is what is absent, wherever it stands", async () => {
    await configure({
      credsStore: null,
      credHelpers: null,
      currentContext: null,
      auths: { r: { ...auth("u", "p"), email: null, identitytoken: null }, none: null, empty: { auth: null } },
    });
    expect(await readDockerConfig(env)).toMatchObject({ problem: null });
    expect(await found("r")).toMatchObject({ source: "file", username: "u", password: "p" });
    for (const registry of ["none", "empty"])
      expect(await resolveCredential(registry, { env })).toEqual({ source: "none", serverAddress: registry });
    await configure({ auths: null, credHelpers: { r: null } });
    expect(await resolveCredential("r", { env })).toEqual({ source: "none", serverAddress: "r" });
  });

  test("an odd entry loses only itself, and says so", async () => {
    await configure({ auths: { odd: { auth: 5 }, list: [], good: auth("u", "p") } });
    expect(await found("good")).toMatchObject({ source: "file", username: "u" });
    for (const registry of ["odd", "list"])
      expect(await resolveCredential(registry, { env })).toMatchObject({
        source: "none",
        problem: expect.stringContaining(registry),
      });
    await configure({ credHelpers: { odd: 5 }, auths: { good: auth("u", "p") } });
    expect(await resolveCredential("good", { env })).toMatchObject({
      source: "file",
      problem: expect.stringContaining("odd"),
    });
  });

  test.each(["constructor", "__proto__", "toString", "hasOwnProperty"])(
    "a registry that is called %s has what the file says of it, which is nothing",
    async (registry) => {
      await configure({ auths: { r: auth("u", "p") }, credHelpers: { r: "x" } });
      expect(await resolveCredential(registry, { env })).toEqual({ source: "none", serverAddress: registry });
    },
  );

  test("a pipe and a folder in the place of the file are told, and hold nobody up", async () => {
    execFileSync("mkfifo", [join(folder, "config.json")]);
    expect(await readDockerConfig(env)).toMatchObject({ problem: expect.stringContaining("no ordinary file") });
    await rm(join(folder, "config.json"));
    await mkdir(join(folder, "config.json"));
    expect(await readDockerConfig(env)).toMatchObject({ problem: expect.stringContaining("no ordinary file") });
  });

  test("NULs around a password go and bytes that are no text become U+FFFD, as with the docker CLI", async () => {
    const entry = (bytes: Buffer) => ({ auth: bytes.toString("base64") });
    await configure({ auths: { r: entry(Buffer.from("u:\0p\0w\0\0")), b: entry(Buffer.from("u:\xFF!", "latin1")) } });
    expect(await found("r")).toMatchObject({ password: "p\0w" });
    expect(await found("b")).toMatchObject({ password: "\uFFFD!" });
  });

  test("a file with a byte order mark is read, and a missing one is empty", async () => {
    await configure(`\uFEFF${JSON.stringify({ auths: { r: auth("u", "p") } })}`);
    expect(await found("r")).toMatchObject({ username: "u" });
    await rm(join(folder, "config.json"));
    expect(await readDockerConfig(env)).toMatchObject({ problem: null, auths: {} });
  });
});

describe("helpers", () => {
  test("the helper of a registry comes before the store, and the store before the file", async () => {
    await helper("one", 'read key; echo "{\\"ServerURL\\":\\"$key\\",\\"Username\\":\\"one\\",\\"Secret\\":\\"s1\\"}"');
    await helper("all", 'read key; echo "{\\"ServerURL\\":\\"$key\\",\\"Username\\":\\"all\\",\\"Secret\\":\\"s2\\"}"');
    await configure({
      credHelpers: { "r:5000": "one" },
      credsStore: "all",
      auths: { "r:5000": auth("file", "x"), other: auth("file", "x") },
    });
    expect(await found("r:5000")).toMatchObject({ source: "helper", username: "one", password: "s1" });
    expect(await found("other")).toMatchObject({ source: "store", username: "all", password: "s2" });
  });

  test("a helper without a name is the file itself, also where there is a store", async () => {
    await helper("all", `echo '{"Username":"all","Secret":"s2"}'`);
    await configure({ credHelpers: { r: "" }, credsStore: "all", auths: { r: auth("file", "x") } });
    expect(await found("r")).toMatchObject({ source: "file", username: "file" });
    expect(await found("other")).toMatchObject({ source: "store" });
  });

  test("the helper is asked with the key that docker uses", async () => {
    await helper("spy", `cat > ${folder}/asked; echo '{"Username":"u","Secret":"s"}'`);
    await configure({ credsStore: "spy" });
    await found("docker.io");
    expect(await readFile(join(folder, "asked"), "utf8")).toBe("https://index.docker.io/v1/");
    await found("127.0.0.1:5000");
    expect(await readFile(join(folder, "asked"), "utf8")).toBe("127.0.0.1:5000");
  });

  test("a helper without an entry leaves the next source to answer", async () => {
    await helper("none", "echo 'credentials not found in native keychain'; exit 1");
    await configure({ credsStore: "none", auths: { r: auth("file", "x") } });
    expect(await found("r")).toMatchObject({ source: "file", username: "file" });
  });

  test("the user name <token> makes the secret an identity token", async () => {
    await helper("token", `echo '{"Username":"<token>","Secret":"refresh"}'`);
    await configure({ credsStore: "token" });
    expect(await found("r")).toMatchObject({ token: "refresh", username: undefined, password: undefined });
  });

  test.each([
    ["prints rubbish", "echo 'hunter2-secret is not json'", "protocol"],
    ["ends with an error", "echo hunter2-secret; exit 3", "status 3"],
    [
      "answers for another server",
      `echo '{"ServerURL":"evil:1","Username":"u","Secret":"hunter2-secret"}'`,
      "another server",
    ],
    ["floods", "while :; do echo hunter2-secret-hunter2-secret-hunter2-secret; done", "more than"],
  ])("a helper that %s fails without its output being repeated", async (_what, script, reason) => {
    await helper("bad", script);
    const failure = askHelper("bad", "r", "r", { env });
    await expect(failure).rejects.toMatchObject({
      code: "CREDENTIAL_HELPER_FAILED",
      message: expect.stringContaining(reason),
    });
    await expect(failure).rejects.not.toMatchObject({ message: expect.stringContaining("hunter2") });
  });

  test("a helper that hangs and ignores signals dies with its children when its time is up", async () => {
    await helper("hang", `trap '' TERM; sleep 300 & echo $! > ${folder}/child; wait; sleep 300`);
    await expect(askHelper("hang", "r", "r", { env, deadlineMs: 500 })).rejects.toMatchObject({
      code: "CREDENTIAL_HELPER_FAILED",
    });
    const child = Number(await readFile(join(folder, "child"), "utf8"));
    await sleep(100);
    const state = await readFile(`/proc/${child}/stat`, "utf8").then(
      (text) => text.split(" ")[2],
      () => "gone",
    );
    expect(["gone", "Z"]).toContain(state);
  });

  test("a helper that is missing is named", async () => {
    await expect(askHelper("not-there", "r", "r", { env })).rejects.toMatchObject({
      code: "CREDENTIAL_HELPER_FAILED",
      details: { helper: "docker-credential-not-there" },
    });
  });

  test.each(["../evil", "a/b", "a b", "-x", "", "x".repeat(70)])(
    "the helper name %j is refused before anything is started",
    async (name) => {
      await expect(askHelper(name, "r", "r", { env })).rejects.toMatchObject({
        message: expect.stringContaining("name is not allowed"),
      });
    },
  );
});

test("keys are matched by host and port, whatever the scheme and path", () => {
  expect(keyMatches("https://r:5000/v1/", "r:5000")).toBe(true);
  expect(keyMatches("r:5001", "r:5000")).toBe(false);
  expect(keyMatches("https://index.docker.io/v1/", "docker.io")).toBe(true);
  expect(registryKey("docker.io")).toBe("https://index.docker.io/v1/");
});

test("a credential can be logged without its secret", () => {
  const credential = {
    source: "file",
    serverAddress: "r",
    username: "u",
    password: new Secret("hunter2-secret"),
  } as const;
  expect(JSON.stringify(credential)).not.toContain("hunter2");
});
