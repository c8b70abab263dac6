/**
 * The fault matrix of registries and credentials (design, reliability, table R), each case against the oracle.
 * TLS (R10 R11) and the keys of credentials (R25) have files of their own beside this one.
 *
 * What is proven elsewhere, beside the code that it is about, is not said again here:
 *
 * | case | proven in |
 * | --- | --- |
 * | R01 wrong password | push-and-pull: a wrong password is AUTH_FAILED, and the registry has nothing |
 * | R02 no credential | push-and-pull: missing credentials are AUTH_FAILED with the way to sign in |
 * | R03 no right to push | push: that the registry denies is over at once |
 * | R04 wait in seconds; ten years | pull: that the registry asks to wait is waited for; push: that is rate-limited waits |
 * | R05 bursts of 5xx | push: whose registry fails for a moment; survives a registry that fails and then rate-limits |
 * | R07 flipped byte of a blob; manifest against header | pull: of a damaged blob; push: that reads back another digest |
 * | R08 manifest absent | push: whose manifest is gone when it is read back is no success |
 * | R13 realm elsewhere, redirects | registry: never gives the credential to a token service elsewhere, is not led to, does not follow; src/registry/wire-rules: a link-local address |
 * | R17 R18 R19 R21 helper that hangs, prints rubbish, floods, has an odd name | src/credentials/credentials: helpers |
 * | R23 passwords of any byte at a registry with htpasswd | push: brings any password to the registry as it is |
 * | R24 two ports on one host | push-and-pull: two registries on one host never get each other's password |
 * | R26 tag moved before the read-back | push: whose tag somebody moves meanwhile succeeds, and tells both digests |
 */
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import {
  describeWithDocker,
  engineRequest,
  makeTinyImage,
  registryRequest,
  startFaultRegistry,
  uniqueName,
} from "@container-kit/testkit";
import type {
  FaultRegistryOptions,
  LoadedRig,
  RegistryFault,
  RegistryFaultRule,
  TinyImage,
} from "@container-kit/testkit";
import { connectEngine } from "../../src/index.ts";
import type { Engine } from "../../src/index.ts";
import { connect, dockerConfig, folderOf } from "../rig.ts";
import { expectFailure, expectTruth } from "./oracle.ts";
import { PASSWORD, stageRegistry } from "./registry-stage.ts";
import type { RegistryStage } from "./registry-stage.ts";

const signedIn = (match: RegExp, fault: RegistryFault, times?: number): RegistryFaultRule => ({
  match,
  fault,
  signedIn: true,
  ...(times === undefined ? {} : { times }),
});
const answer = (status: number, code = "UNKNOWN", headers: Readonly<Record<string, string>> = {}): RegistryFault => ({
  kind: "answer",
  status,
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify({ errors: [{ code, message: code }] }),
});

describeWithDocker("the fault matrix of registries", (rig) => {
  let image: TinyImage;

  beforeAll(async () => {
    image = await makeTinyImage(rig, { sizeBytes: 300_000 });
  });

  afterAll(() => image.remove());

  const stage = (options: FaultRegistryOptions = {}) => stageRegistry(rig, options);

  async function pulled(options: FaultRegistryOptions = {}) {
    const set = await stage(options);
    const own = await makeTinyImage(rig, { sizeBytes: 300_000 });
    const { digest } = await set.engine.push(own.reference, { target: set.target });
    await own.remove();
    return { ...set, digest };
  }

  const inRegistry =
    ({ registry, target }: Pick<RegistryStage, "registry" | "target">) =>
    async ({ digest }: { readonly digest: string }) => {
      const path = `/v2/${target.slice(registry.host.length + 1, -2)}/manifests/${digest}`;
      expect((await registryRequest(registry.behind, "HEAD", path)).status).toBe(200);
    };
  const inEngine =
    ({ target }: RegistryStage) =>
    async ({ imageId }: { readonly imageId: string }) => {
      const found = await engineRequest(rig.engine.host, "GET", `/images/${target}/json`);
      expect(found.json()).toMatchObject({ Id: imageId });
    };
  const notInEngine = async (target: string) =>
    expect((await engineRequest(rig.engine.host, "GET", `/images/${target}/json`)).status).toBe(404);

  const secrets = [PASSWORD];
  const soon = { deadlineMs: 30_000, secrets };

  test.each([
    ["as a date", () => ({ "retry-after": new Date(Date.now() + 2000).toUTCString() })],
    ["not at all", () => ({})],
  ])(
    "R04 a pull whose registry names its wait %s goes on by itself",
    async (_how, headers) => {
      const set = await pulled();
      const rule = signedIn(/^(GET|HEAD) .*\/manifests\//, answer(429, "TOOMANYREQUESTS", headers()), 2);
      set.registry.setRules([rule]);
      await expectTruth(() => set.engine.pull(set.target), { ...soon, readBack: inEngine(set) });
      expect(set.registry.fired(rule)).toBe(2);
    },
    40_000,
  );

  test("R05 a registry that goes on failing ends a push at its deadline, and the name is taken back", async () => {
    const set = await stage();
    const rule = signedIn(/^POST .*\/blobs\/uploads\//, answer(503, "UNAVAILABLE"));
    set.registry.setRules([rule]);
    const deadlineMs = 3000;
    const push = () => set.engine.push(image.reference, { target: set.target, deadlineMs });
    const { message } = await expectFailure(push, { deadlineMs, secrets, codes: ["REGISTRY_UNAVAILABLE"] });
    expect(message).toContain(set.registry.host);
    expect(set.registry.fired(rule)).toBeGreaterThan(0);
    await notInEngine(set.target);
  });

  test("R06 a blob that always ends early brings nothing, and ends with the deadline", async () => {
    const set = await pulled();
    const cut = signedIn(/^GET .*\/blobs\//, { kind: "cut", afterBytes: 300 });
    set.registry.setRules([cut]);
    const deadlineMs = 3000;
    const pull = () => set.engine.pull(set.target, { deadlineMs });
    await expectFailure(pull, { deadlineMs, secrets, codes: ["ENGINE_TIMEOUT", "REGISTRY_UNAVAILABLE"] });
    expect(set.registry.fired(cut)).toBeGreaterThan(0);
    await notInEngine(set.target);
  });

  test("R06 a blob that is shorter than it should be is no success", async () => {
    const set = await pulled();
    const short = signedIn(/^GET .*\/blobs\//, { kind: "replace", body: (body) => body.subarray(0, body.length >> 1) });
    set.registry.setRules([short]);
    await expectFailure(() => set.engine.pull(set.target), { ...soon, codes: ["DIGEST_MISMATCH"] });
    expect(set.registry.fired(short)).toBeGreaterThan(0);
    await notInEngine(set.target);
  }, 40_000);

  test("R07 a manifest with a flipped byte is DIGEST_MISMATCH, and brings nothing", async () => {
    const set = await pulled();
    const flip = (body: Buffer) => body.toString().replace(/\d{3,}/, (size) => `${Number(size) + 1}`);
    const rule = signedIn(/^GET .*\/manifests\//, { kind: "replace", body: flip });
    set.registry.setRules([rule]);
    const pinned = `${set.target.slice(0, -2)}@${set.digest}`;
    await expectFailure(() => set.engine.pull(pinned), { ...soon, codes: ["DIGEST_MISMATCH"] });
    expect(set.registry.fired(rule)).toBeGreaterThan(0);
    await notInEngine(pinned);
  });

  test("R09 a blob that drips is given up after the silence that is allowed, and its request is ended", async () => {
    const set = await pulled();
    const rule = signedIn(/^GET .*\/blobs\//, { kind: "slow", bytesPerSecond: 50 });
    set.registry.setRules([rule]);
    const pull = () => set.engine.pull(set.target, { inactivityMs: 1500, deadlineMs: 20_000 });
    await expectFailure(pull, { deadlineMs: 6000, secrets, codes: ["ENGINE_TIMEOUT"] });
    expect(set.registry.fired(rule)).toBeGreaterThan(0);
    await notInEngine(set.target);
  });

  test("R09 a registry that never answers the read-back ends the push at its deadline", async () => {
    const set = await stage();
    const rule = signedIn(/^HEAD .*\/manifests\//, { kind: "hang" });
    const deadlineMs = 4000;
    set.registry.setRules([{ ...rule, skip: 1 }, rule]);
    const push = () => set.engine.push(image.reference, { target: set.target, deadlineMs });
    const { message } = await expectFailure(push, { deadlineMs, secrets, codes: ["REGISTRY_UNAVAILABLE"] });
    expect(message).toContain(set.registry.host);
    expect(set.registry.fired(rule)).toBeGreaterThan(0);
  });

  test("R12 a push whose token expires in the middle is finished with another one", async () => {
    const set = await stage({ auth: "bearer" });
    const own = await makeTinyImage(rig, { sizeBytes: 20_000_000 });
    onTestFinished(() => own.remove());
    let expired = false;
    const push = () =>
      set.engine.push(own.reference, {
        target: set.target,
        onProgress: ({ current = 0 }) => {
          if (current === 0 || expired) return;
          expired = true;
          set.registry.expireTokens();
        },
      });
    await expectTruth(push, { ...soon, readBack: inRegistry(set) });
    expect(expired).toBe(true);
    expect(set.registry.tokenRequests().filter(({ scopes }) => scopes.join().endsWith(":push,pull"))).toHaveLength(2);
  });

  const losses: readonly (readonly [string, RegExp, RegistryFault])[] = [
    ["whose session is lost", /^PATCH .*\/blobs\/uploads\//, answer(404, "BLOB_UPLOAD_UNKNOWN")],
    ["whose offset is refused", /^PATCH .*\/blobs\/uploads\//, answer(416, "RANGE_INVALID")],
    ["that is lost at its end", /^PUT .*\/blobs\/uploads\//, answer(404, "BLOB_UPLOAD_UNKNOWN")],
    ["whose connection breaks", /^PATCH .*\/blobs\/uploads\//, { kind: "reset", afterBytes: 1000 }],
  ];

  test(`R14 an upload ${losses.map(([what]) => what).join(", or ")} is begun again`, async () => {
    // Beside each other: the engine waits five seconds before it begins again.
    await Promise.all(
      losses.map(async ([what, match, fault]) => {
        const set = await stage();
        const rule = signedIn(match, fault, 1);
        set.registry.setRules([rule]);
        const push = () => set.engine.push(image.reference, { target: set.target });
        await expectTruth(push, { ...soon, readBack: inRegistry(set) });
        expect(set.registry.fired(rule), what).toBe(1);
      }),
    );
  }, 40_000);

  test("R15 a mount from another repository that is refused becomes an upload", async () => {
    const set = await stage();
    await set.engine.push(image.reference, { target: `${set.registry.host}/${uniqueName("source")}:1` });
    const rule = signedIn(/^POST .*[?&]mount=/, answer(403, "DENIED"));
    set.registry.setRules([rule]);
    const push = () => set.engine.push(image.reference, { target: set.target });
    await expectTruth(push, { ...soon, readBack: inRegistry(set) });
    expect(set.registry.fired(rule)).toBeGreaterThan(0);
  });

  test("R16 a helper that is missing is told, and what is named outright works without it", async () => {
    const set = await stage();
    const config = folderOf({ "config.json": JSON.stringify({ credsStore: "is-not-installed" }) });
    onTestFinished(config.remove);
    const env = { DOCKER_CONFIG: config.folder, FAULT_USER: "robot", FAULT_PASSWORD: PASSWORD };
    const push = (engine: Engine) => () => engine.push(image.reference, { target: set.target });
    const error = await expectFailure(push(await connect(rig, env)), { ...soon, codes: ["CREDENTIAL_HELPER_FAILED"] });
    expect(error.message).toContain("docker-credential-is-not-installed");
    expect(error.cause).toMatchObject({ code: "ENOENT" });
    const explicit = await connectExplicitly(rig, env, set.registry.host);
    await expectTruth(push(explicit), { ...soon, readBack: inRegistry(set) });
  });

  test("R20 a helper that has another host's credential is refused, and never wins over what is named outright", async () => {
    const set = await stage();
    const asked = join(tmpdir(), uniqueName("asked").replace("/", "-"));
    const wrong = JSON.stringify({ ServerURL: "elsewhere.example:1", Username: "other", Secret: "other-host-canary" });
    const tools = folderOf({
      "docker-credential-crossed": `#!/bin/sh\ntouch ${asked}\necho '${wrong}'\n`,
      "config.json": JSON.stringify({ credHelpers: { [set.registry.host]: "crossed" } }),
    });
    onTestFinished(tools.remove);
    chmodSync(join(tools.folder, "docker-credential-crossed"), 0o755);
    const env = {
      PATH: `${tools.folder}:${process.env["PATH"] ?? ""}`,
      DOCKER_CONFIG: tools.folder,
      FAULT_USER: "robot",
      FAULT_PASSWORD: PASSWORD,
    };
    const push = (engine: Engine) => () => engine.push(image.reference, { target: set.target });
    const explicit = await connectExplicitly(rig, env, set.registry.host);
    await expectTruth(push(explicit), { ...soon, readBack: inRegistry(set) });
    expect(existsSync(asked)).toBe(false);
    const secretsOfBoth = { ...soon, secrets: [PASSWORD, "other-host-canary"] };
    await expectFailure(push(await connect(rig, env)), { ...secretsOfBoth, codes: ["CREDENTIAL_HELPER_FAILED"] });
    expect(existsSync(asked)).toBe(true);
    rmSync(asked);
  });

  test.each([
    ["is corrupt", (file: string) => writeFileSync(file, `{"auths": {"r": {"auth": "${PASSWORD}`)],
    ["has ten megabytes", (file: string) => writeFileSync(file, " ".repeat(10 * 1024 * 1024))],
    ["is a folder", (file: string) => mkdirSync(file)],
    ["is a link in a circle", (file: string) => symlinkSync(file, file)],
  ])("R22 a docker configuration that %s is told, and what is named outright works", async (_how, spoil) => {
    const set = await stage();
    const config = folderOf({});
    onTestFinished(config.remove);
    spoil(join(config.folder, "config.json"));
    const env = { DOCKER_CONFIG: config.folder, FAULT_USER: "robot", FAULT_PASSWORD: PASSWORD };
    const explicit = await connectExplicitly(rig, env, set.registry.host);
    const push = () => explicit.push(image.reference, { target: set.target });
    await expectTruth(push, { ...soon, readBack: inRegistry(set) });
    const without = await connect(rig, env);
    const login = await without.checkLogin(set.registry.host);
    expect(login).toMatchObject({ valid: false, source: "none", warnings: [expect.stringContaining("config.json")] });
    await expectFailure(() => without.push(image.reference, { target: set.target }), {
      ...soon,
      codes: ["AUTH_FAILED"],
    });
  });

  test("R22 a docker configuration with a byte order mark, behind a link, is read", async () => {
    const set = await stage();
    const auth = Buffer.from(`robot:${PASSWORD}`).toString("base64");
    const config = folderOf({ real: `\uFEFF${JSON.stringify({ auths: { [set.registry.host]: { auth } } })}` });
    onTestFinished(config.remove);
    symlinkSync(join(config.folder, "real"), join(config.folder, "config.json"));
    const engine = await connect(rig, { DOCKER_CONFIG: config.folder });
    const push = () => engine.push(image.reference, { target: set.target });
    await expectTruth(push, { ...soon, readBack: inRegistry(set) });
  });

  test("R23 a password of four kilobytes of every kind of character arrives byte by byte", async () => {
    const password = `:"\\ \n${"ü€😀+/=%41$HOME<&>'".repeat(190)}`;
    expect(Buffer.byteLength(password)).toBeGreaterThan(4096);
    const registry = await startFaultRegistry({ users: { robot: password } });
    const config = dockerConfig({ [registry.host]: { username: "robot", password } });
    onTestFinished(async () => {
      config.remove();
      await registry.close();
    });
    const engine = await connect(rig, { DOCKER_CONFIG: config.folder });
    const set = { registry, engine, target: `${registry.host}/${uniqueName("password")}:1` };
    const push = () => engine.push(image.reference, { target: set.target });
    await expectTruth(push, { deadlineMs: 30_000, secrets: [password], readBack: inRegistry(set) });
    const sent = new Set(registry.requests().flatMap(({ headers }) => headers.authorization ?? []));
    // From the engine and from us, and nothing else.
    expect([...sent]).toEqual([`Basic ${Buffer.from(`robot:${password}`).toString("base64")}`]);
  });
});

/** An engine with a credential that is named outright, for this registry. */
function connectExplicitly(rig: LoadedRig, env: Readonly<Record<string, string>>, registry: string): Promise<Engine> {
  return connectEngine({
    env: { ...process.env, ...rig.environment, ...env },
    credentials: [`${registry}=env:FAULT_USER,FAULT_PASSWORD`],
  });
}
