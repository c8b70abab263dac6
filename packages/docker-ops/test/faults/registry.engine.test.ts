import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import {
  describeWithEngine,
  engineRequest,
  makeTinyImage,
  registryRequest,
  startFaultRegistry,
  startPrivateEngine,
  uniqueName,
} from "@container-kit/testkit";
import type {
  FaultRegistry,
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

const PASSWORD = "matrix:canary/pass word+1";
const USERS = { robot: PASSWORD };

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

interface Stage {
  readonly registry: FaultRegistry;
  readonly engine: Engine;
  readonly target: string;
}

describeWithEngine("the fault matrix of registries", (rig) => {
  let image: TinyImage;

  beforeAll(async () => {
    image = await makeTinyImage(rig, { sizeBytes: 300_000 });
  });

  afterAll(() => image.remove());

  async function stage(options: FaultRegistryOptions = {}): Promise<Stage> {
    const registry = await startFaultRegistry({ users: USERS, ...options });
    const config = dockerConfig({ [registry.host]: { username: "robot", password: PASSWORD } });
    const engine = await connect(rig, { DOCKER_CONFIG: config.folder });
    const target = `${registry.host}/${uniqueName("fault")}:1`;
    onTestFinished(async () => {
      await engine.remove(target).catch(() => undefined);
      await engine.close();
      config.remove();
      await registry.close();
    });
    return { registry, engine, target };
  }

  async function pulled(options: FaultRegistryOptions = {}) {
    const set = await stage(options);
    const own = await makeTinyImage(rig, { sizeBytes: 300_000 });
    const { digest } = await set.engine.push(own.reference, { target: set.target });
    await own.remove();
    return { ...set, digest };
  }

  const inRegistry =
    ({ registry, target }: Stage) =>
    async ({ digest }: { readonly digest: string }) => {
      const path = `/v2/${target.slice(registry.host.length + 1, -2)}/manifests/${digest}`;
      expect((await registryRequest(registry.behind, "HEAD", path)).status).toBe(200);
    };
  const inEngine =
    ({ target }: Stage) =>
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
    await expectFailure(push, { deadlineMs, secrets, codes: ["ENGINE_TIMEOUT"] });
    expect(set.registry.fired(rule)).toBeGreaterThan(0);
    await notInEngine(set.target);
  });

  test("R06 a blob that ends early is fetched on, and one that always does brings nothing", async () => {
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
    await expectFailure(push, { deadlineMs, secrets, codes: ["ENGINE_TIMEOUT", "PUSH_UNVERIFIED"] });
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
    console.log(set.registry.tokenRequests(), set.registry.requests().map(({method,path})=>method+path.slice(0,70)));
  });

  test.each([
    ["whose session is lost", /^PATCH .*\/blobs\/uploads\//, answer(404, "BLOB_UPLOAD_UNKNOWN")],
    ["whose offset is refused", /^PATCH .*\/blobs\/uploads\//, answer(416, "RANGE_INVALID")],
    ["that is lost at its end", /^PUT .*\/blobs\/uploads\//, answer(404, "BLOB_UPLOAD_UNKNOWN")],
    ["whose connection breaks", /^PATCH .*\/blobs\/uploads\//, { kind: "reset", afterBytes: 1000 } as const],
  ])(
    "R14 an upload %s is begun again",
    async (_what, match, fault) => {
      const set = await stage();
      const rule = signedIn(match, fault, 1);
      set.registry.setRules([rule]);
      const push = () => set.engine.push(image.reference, { target: set.target });
      await expectTruth(push, { ...soon, readBack: inRegistry(set) });
      expect(set.registry.fired(rule)).toBe(1);
    },
    40_000,
  );

  test("R15 a mount from another repository that is refused becomes an upload", async () => {
    const set = await stage();
    await set.engine.push(image.reference, { target: `${set.registry.host}/${uniqueName("source")}:1` });
    const rule = signedIn(/^POST .*[?&]mount=/, answer(403, "DENIED"));
    set.registry.setRules([rule]);
    const push = () => set.engine.push(image.reference, { target: set.target });
    await expectTruth(push, { ...soon, readBack: inRegistry(set) });
    expect(set.registry.fired(rule)).toBeGreaterThan(0);
  });
});
