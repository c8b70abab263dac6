/**
 * A canary in every place where a secret can enter, all image tools over MCP and on the command line with them, in
 * success and in failure; then the search for the canaries wherever anything is told or kept.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { MASK } from "@container-kit/observability";
import { describeWithEngine, engineRequest, runCli, spawnServer } from "@container-kit/testkit";
import type { RunCliOptions, SpawnedServer } from "@container-kit/testkit";
import { createCanary, filesBelow, findCanaries, watchCommandLines } from "./canary-search.ts";
import { openCanaryStage, WITHOUT_SESSION } from "./canary-stage.ts";
import type { CanaryCall, CanaryStage } from "./canary-stage.ts";
import { CLI } from "./server-on-rig.ts";

interface Answer {
  readonly jobId?: string;
  readonly result?: { readonly builder?: string };
  readonly error?: { readonly code: string };
}

describeWithEngine("no canary", (rig) => {
  let stage: CanaryStage;
  let server: SpawnedServer | undefined;
  /** All that was told, and where. */
  const told: (readonly [where: string, content: string | Buffer])[] = [];
  let commandLines = "";
  let imageFacts = "";

  beforeAll(async () => {
    stage = await openCanaryStage(rig);
  }, 120_000);

  afterAll(async () => {
    await server?.close();
    await stage.close();
  });

  /** Command lines are read while the work is done. */
  async function watched(work: () => Promise<void>): Promise<void> {
    const watch = watchCommandLines();
    try {
      await work();
    } finally {
      commandLines += watch.stop();
    }
  }

  async function callServer(client: SpawnedServer["client"], { tool, input, end }: CanaryCall): Promise<Answer> {
    const onprogress = ({ message = "" }) => void told.push([`progress of ${tool}`, message]);
    const answer = await client.callTool({ name: tool, arguments: input }, undefined, { onprogress });
    told.push([`answer of ${tool}`, JSON.stringify(answer)]);
    const outcome = answer.structuredContent as Answer;
    expect(outcome.error?.code ?? "ok", `${tool}: ${JSON.stringify(answer)}`).toBe(end);
    return outcome;
  }

  async function runProgram(args: readonly string[], options: RunCliOptions = {}) {
    const env = { ...stage.env, CONTAINER_KIT_HOME: stage.at("cli"), ...options.env };
    const ran = await runCli(CLI, args, { ...options, env });
    const where = args.slice(0, 2).join(" ");
    told.push([`stdout of ${where}`, ran.stdout], [`stderr of ${where}`, ran.stderr]);
    return ran;
  }

  /** The input goes over stdin: a command line is there for everybody to see. */
  async function callProgram({ tool, input, end }: CanaryCall, env: Readonly<Record<string, string>> = {}) {
    const args = ["call", tool, "--input", "-", "--json-stream", ...stage.flags];
    const { stdout, stderr } = await runProgram(args, { input: JSON.stringify(input), env });
    const outcome = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Answer;
    expect(outcome.error?.code ?? "ok", `${tool}: ${stdout}${stderr}`).toBe(end);
    return outcome;
  }

  test("is lost on the way: every call over MCP ends as it should", async () => {
    await watched(async () => {
      const { at, calls, env, flags, built } = stage;
      const args = ["serve", "--root", at("root"), ...flags];
      server = await spawnServer({ cli: CLI, args, env: { ...env, CONTAINER_KIT_HOME: at("home") }, cwd: at() });
      const { client } = server;
      const outcomes: Answer[] = [];
      for (const call of calls) outcomes.push(await callServer(client, call));
      for (const tool of ["list_sessions", "server_status"]) await callServer(client, { tool, input: {}, end: "ok" });
      const { resources } = await client.listResources();
      const logs = [outcomes[0], outcomes.find(({ error }) => error?.code === "BUILD_FAILED")].map(
        (outcome) => `job://${outcome?.jobId ?? ""}/log`,
      );
      for (const uri of [...logs, ...resources.map((resource) => resource.uri)])
        told.push([uri, JSON.stringify(await client.readResource({ uri }))]);
      // The steps printed them: that they are masked shows that they were there.
      for (const log of logs) expect(told.find(([where]) => where === log)?.[1]).toContain(MASK);
      for (const path of ["json", "history"])
        imageFacts += (await engineRequest(rig.engine.host, "GET", `/images/${built}/${path}`)).text;
      // While it runs, and so with what stands in the write-ahead logs alone.
      told.push(...filesBelow(at("home")));
    });
  }, 120_000);

  test("is lost on the way: every call on the command line ends as it should", async () => {
    await watched(async () => {
      const [first, ...rest] = stage.calls;
      if (first === undefined) throw new Error("there is nothing to call");
      await callProgram(first);
      const queue = rest.values();
      // Two at a time, for the sake of time.
      const work = async () => {
        for (const call of queue) await callProgram(call);
      };
      await Promise.all([work(), work()]);
      const { classic, classicBuild } = stage;
      const { result } = await callProgram(classicBuild, { DOCKER_HOST: classic.host });
      expect(result?.builder).toBe("classic");
      expect(classic.fired(WITHOUT_SESSION)).toBeGreaterThan(0);
    });
  }, 120_000);

  test("is lost on the way: what cannot even be read is refused", async () => {
    const { at, built, flags, marker, refused } = stage;
    const login = `robot:${refused.text}`;
    const inspect = ["call", "inspect_image", "--input"];
    const input = JSON.stringify({ image: built });
    const engine = { env: { DOCKER_HOST: `tcp://${login}@127.0.0.1:1` } };
    const refusals: readonly (readonly [args: readonly string[], options?: RunCliOptions])[] = [
      [["call", "inspect_image", `--password=${refused.text}`]],
      [[...inspect, input, "--registry-credentials", login]],
      [[...inspect, input, "--config", at("broken.yaml")]],
      [[...inspect, "-"], { input: login }],
      [[...inspect, "-"], { input: `{"image": ${refused.text}` }],
      [[...inspect, input], engine],
      [["doctor"], engine],
    ];
    for (const [args, options] of refusals) {
      const ran = await runProgram(args, options);
      expect(ran.code, ran.stdout + ran.stderr).not.toBe(0);
      // Not even the beginning, as a parser quotes it.
      for (const text of ["robot:", refused.text.slice(0, 8)]) expect(ran.stdout + ran.stderr).not.toContain(text);
    }
    // A reference that is for every registry is warned of, by name.
    const unbound = ["--registry-credentials", `env:USER_${marker.core},REFERENCE_PASSWORD`];
    for (const args of [
      ["doctor", ...flags],
      ["sessions", "list", "--json"],
      [...inspect, input, ...unbound],
    ])
      expect(await runProgram(args)).toMatchObject({ code: 0 });
  }, 60_000);

  test("is told or kept anywhere, and a marker is found in every kind of place", async () => {
    const { at, canaries, inImages, marker, tokens } = stage;
    await server?.close();
    told.push(["stdout of serve", server?.stdout() ?? ""], ["stderr of serve", server?.stderr() ?? ""]);
    for (const folder of ["home", "cli"]) told.push(...filesBelow(at(folder)));
    expect(tokens().length).toBeGreaterThan(2);
    const secrets = [...canaries, ...tokens()];
    const withheld = secrets.filter((canary) => !inImages.includes(canary));
    expect([
      ...told.flatMap(([where, content]) => findCanaries(where, content, secrets)),
      ...findCanaries("command lines", commandLines, secrets),
      ...findCanaries("image", imageFacts, withheld),
    ]).toEqual([]);

    const places = new Set(told.flatMap(([where, content]) => findCanaries(where, content, [marker])));
    const kinds: readonly (string | RegExp)[] = [
      "progress of",
      "answer of",
      "session://",
      /job:\/\/\w+\/log:/,
      "stdout of call",
      "stderr of call",
      "stdout of serve",
      /state\.db:/,
      /state\.db-wal:/,
      /record\.db:/,
      /record\.db-wal:/,
      /build\.log:/,
    ];
    for (const kind of kinds) expect([...places].join("\n")).toMatch(kind);
    for (const text of [commandLines, imageFacts]) expect(findCanaries("", text, [marker])).not.toEqual([]);
    expect(findCanaries("", imageFacts, inImages)).not.toEqual([]);
  });
});

test("a canary is found behind another spelling, cut in two, and nowhere else", () => {
  const canary = createCanary("found");
  const { core } = canary;
  const bytes = Buffer.from(core);
  const inside = ["x", "xy", "xyz"].map((before) => Buffer.from(`${before}:${core}:z`));
  const spelled: readonly string[] = [
    core,
    JSON.stringify({ a: canary.text }),
    core.slice(0, 12),
    core.slice(12),
    Buffer.from(core).reverse().toString(),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    bytes.toString("hex").replaceAll(/../g, "%$&"),
    bytes.toString("hex").replaceAll(/../g, "\\u00$&"),
    ...inside.flatMap((text) => [text.toString("base64"), text.toString("base64url")]),
  ];
  for (const text of spelled) expect(findCanaries("", `before ${text} after`, [canary]), text).not.toEqual([]);
  expect(findCanaries("", spelled.join(" "), [createCanary("other")])).toEqual([]);
});
