import { isKitError } from "@container-kit/errors";
import { describe, expect, test } from "vitest";
import { describeEachEngine, describeWithDocker, startEngineProxy, uniqueName } from "@container-kit/testkit";
import type { EngineProxy, FaultRule, LoadedRig } from "@container-kit/testkit";
import type { BuildOptions } from "../src/index.ts";
import { buildersOf, setBuildStage, WITHOUT_SESSION } from "./build-rig.ts";
import type { BuildStage } from "./build-rig.ts";
import { connect } from "./rig.ts";

const BUILD = /^POST (?:\/v[\d.]+)?\/build/;

type BuildThrough = (
  rules: readonly FaultRule[],
  options?: Partial<BuildOptions> & { readonly text?: string },
) => Promise<unknown>;

interface Stage extends BuildStage {
  /** Builds through a proxy with these faults, which must have fired; gives the result or the error. */
  readonly buildThrough: BuildThrough;
}

function setStage(rig: LoadedRig): Stage {
  const shared = setBuildStage(rig);
  const { base, context, tag } = shared;

  const buildThrough: BuildThrough = async (rules, options = {}) => {
    const proxy: EngineProxy = await startEngineProxy({ target: rig.engine.host, rules });
    try {
      const faulty = await connect(rig, { DOCKER_HOST: proxy.host });
      const { text = `LABEL x=${uniqueName()}`, ...rest } = options;
      const outcome = await faulty
        .build(context({ Dockerfile: `FROM ${base().reference}\n${text}\n` }), { tags: [tag()], ...rest })
        .catch((error: unknown) => error);
      for (const rule of rules) expect(proxy.fired(rule)).toBeGreaterThan(0);
      return outcome;
    } finally {
      await proxy.close();
    }
  };
  return { ...shared, buildThrough };
}

describeEachEngine("builds and the faults of an engine", (rig) => {
  const { engine, base, context, tag, buildThrough } = setStage(rig);
  /** What it takes for a builder that is given an archive. */
  const archive = buildersOf(rig).at(-1)?.rules ?? [];
  const disk = "write /var/lib/x: no space left on device";
  const told = (message: string) => JSON.stringify({ errorDetail: { message }, error: message });

  test.each([
    ["first", `${told("boom")}\n`],
    ["in the middle", `{"stream":"Step 1/2 : FROM x"}\n${told("boom")}\n{"stream":"go on"}\n`],
    ["last, without a newline", `{"stream":"ok\\n"}\n${told("boom")}`],
  ])("an error that comes %s is the build's failure, with its text", async (_where, body) => {
    const outcome = await buildThrough([{ match: BUILD, fault: { kind: "replace", body } }]);
    expect(outcome).toMatchObject({ code: "BUILD_FAILED", message: expect.stringContaining("boom") });
  });

  const lost = `${told("checking if cached image exists from a previous build: getting top layer info: layer not known")}\n`;

  test("a build that loses a cached image to somebody else is repeated, and done", async () => {
    const rule: FaultRule = { match: BUILD, fault: { kind: "replace", body: lost }, times: 2 };
    expect(await buildThrough([rule])).toMatchObject({ tags: [expect.any(String)] });
  });

  test("a build that loses cached images every time is no fault of the Dockerfile", async () => {
    const outcome = await buildThrough([{ match: BUILD, fault: { kind: "replace", body: lost } }]);
    expect(outcome).toMatchObject({ code: "ENGINE_ERROR", remedy: expect.stringContaining("Build again") });
  });

  test.each([
    ["an empty stream record", '{"stream":null}\n', "ENGINE_PROTOCOL"],
    ["half a record", '{"stream":"x', "ENGINE_PROTOCOL"],
    ["bytes that are no text", Buffer.from([0, 255, 10, 0, 254, 10]), "ENGINE_PROTOCOL"],
    ["a full disk", `${told(disk)}\n`, "ENGINE_DISK_FULL"],
  ])("an engine that answers with %s ends the build with its code", async (_what, body, code) => {
    expect(await buildThrough([{ match: BUILD, fault: { kind: "replace", body } }])).toMatchObject({ code });
  });

  test("a stream that goes silent ends the build within the limit that the caller gave", async () => {
    const rule: FaultRule = { match: BUILD, fault: { kind: "stall", afterBytes: 40 } };
    const outcome = await buildThrough([rule], { inactivityMs: 500 });
    expect(outcome).toMatchObject({ code: "ENGINE_TIMEOUT", message: expect.stringContaining("500 ms") });
  });

  test("a connection that breaks while a step runs is not taken for success, and the build is not repeated", async () => {
    const wordy = engine().profile.buildkit;
    const rule: FaultRule = { match: BUILD, fault: { kind: "cut", afterBytes: wordy ? 2500 : 450 } };
    const other: FaultRule = { match: BUILD, fault: { kind: "capture" }, skip: 1 };
    const proxy = await startEngineProxy({ target: rig.engine.host, rules: [rule, other] });
    try {
      const faulty = await connect(rig, { DOCKER_HOST: proxy.host });
      const step = `for i in 1 2 3 4 5 6 7 8; do echo ${uniqueName()} $i; sleep 0.2; done`;
      const folder = context({ Dockerfile: `FROM ${base().reference}\nRUN ${step}\n` });
      const name = tag();
      const outcome = await faulty.build(folder, { tags: [name] }).catch((error: unknown) => error);
      // With its message: where the engine fails the step by itself, it says why.
      expect(isKitError(outcome) ? `${outcome.code} ${outcome.message}` : outcome).toMatch(/^ENGINE_RESTARTED /);
      expect(proxy.fired(rule)).toBe(1);
      await expect(engine().inspect(name)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    } finally {
      await proxy.close();
    }
  });

  describe.each(buildersOf(rig))("with the $name builder", ({ name, rules }) => {
    test.each([
      ["an unknown instruction", "RUN true\n  RUNN x", { line: 3, column: 3 }],
      // buildah says which flags there are, and not which one is not.
      ["an unknown flag", "COPY --frm=x a b", { line: 2, column: name === "buildah" ? 1 : 6 }],
      ["an instruction of several lines", "ENV a=b \\\n  c", { line: 2, column: 1 }],
      ["an image that is none", "FROM Node:20", { line: 2 }],
    ])("a Dockerfile with %s tells the place", async (_what, text, place) => {
      expect(await buildThrough(rules, { text })).toMatchObject({
        code: "DOCKERFILE_INVALID",
        details: expect.objectContaining(place),
      });
    });
  });

  test("arguments that look like secrets, and those that nothing takes, are told by name", async () => {
    const outcome = await buildThrough(archive, {
      text: "ARG NPM_TOKEN\nENV API_KEY=CANARY-1",
      buildArgs: { NPM_TOKEN: "CANARY-2", NOPE: "1" },
    });
    const { warnings } = outcome as { warnings: readonly string[] };
    expect(warnings.join("\n")).toMatch(/NPM_TOKEN[^]*API_KEY[^]*NOPE/);
    expect(warnings.join("\n")).not.toContain("CANARY");
  });
});

// Only Docker has a builder beside BuildKit.
describeWithDocker("builds without BuildKit", (rig) => {
  const { buildThrough } = setStage(rig);

  test.each([404, 403, 200])("an endpoint that answers %i to the session is built on without one", async (status) => {
    const rule: FaultRule = { match: WITHOUT_SESSION.match, fault: { kind: "answer", status, body: "{}" } };
    const outcome = await buildThrough([rule]);
    expect(outcome).toMatchObject({
      builder: "classic",
      warnings: [expect.stringContaining("classic builder")],
    });
  });

  test("a Dockerfile that needs BuildKit says so where there is none", async () => {
    const outcome = await buildThrough([WITHOUT_SESSION], { text: "RUN --mount=type=cache,target=/c true" });
    expect(outcome).toMatchObject({ code: "UNSUPPORTED" });
  });
});
