/**
 * A canary in every place where a secret can enter, all image tools over MCP and on the command line with them, in
 * success and in failure; then the search for the canaries wherever anything is told or kept.
 */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MASK } from "@container-kit/observability";
import {
  describeWithEngine,
  engineRequest,
  makeTinyImage,
  runCli,
  spawnServer,
  startEngineProxy,
  startFaultRegistry,
  uniqueName,
} from "@container-kit/testkit";
import type { EngineProxy, FaultRegistry, SpawnedServer, TinyImage } from "@container-kit/testkit";
import { canaryOf, createCanary, filesBelow, findCanaries, watchCommandLines } from "./canary-search.ts";
import type { Canary } from "./canary-search.ts";
import { CLI } from "./server-on-rig.ts";

const NAMES = ["auths", "helper", "garbage", "envReference", "fileReference", "bearer", "wrong"] as const;
const rich = Object.fromEntries(NAMES.map((name) => [name, createCanary(name, "rich")])) as Record<
  (typeof NAMES)[number],
  Canary
>;
const MORE = [
  "buildSecretEnv",
  "buildSecretFile",
  "buildArgument",
  "otherBuildArgument",
  "gitRemote",
  "imageEnv",
  "dockerfileEnv",
  "proxy",
  "configProxy",
  "registryUrl",
  "refused",
] as const;
const plain = Object.fromEntries(MORE.map((name) => [name, createCanary(name)])) as Record<
  (typeof MORE)[number],
  Canary
>;
/** Not a secret: what the search must find, everywhere. */
const marker = createCanary("marker");

/** Who put it into an image, with ENV or as an argument, finds it there. */
const IN_IMAGES = [plain.buildArgument, plain.otherBuildArgument, plain.imageEnv, plain.dockerfileEnv];

const HOSTS = ["auths", "helper", "envReference", "fileReference", "bearer", "identity", "wrong"] as const;

/** Without a session the engine builds with the classic builder. */
const WITHOUT_SESSION = {
  match: /^POST (?:\/v[\d.]+)?\/session/,
  fault: { kind: "answer", status: 404, body: '{"message":"page not found"}' },
} as const;

interface Call {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** `ok`, or the code. */
  readonly expect: string;
}

describeWithEngine("no canary", (rig) => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), `canary-${marker.text}-`)));
  const at = (...parts: readonly string[]): string => join(base, ...parts);
  const built = `${uniqueName("canary")}:${marker.text}`;
  const registries = {} as Record<(typeof HOSTS)[number], FaultRegistry>;
  const told: [where: string, content: string | Buffer][] = [];
  let image: TinyImage;
  let server: SpawnedServer;
  let classic: EngineProxy;
  let env: Readonly<Record<string, string>>;
  let flags: readonly string[];
  let commandLines = "";
  let imageFacts = "";
  let secrets: Canary[] = [...Object.values(rich), ...Object.values(plain)];

  const write = (path: string, content: string, mode = 0o600): string => {
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  };

  async function startRegistries(): Promise<void> {
    const passwords = { ...rich, identity: rich.bearer, wrong: createCanary("right", "rich") };
    await Promise.all(
      HOSTS.map(async (name) => {
        const auth = name === "bearer" || name === "identity" ? "bearer" : "basic";
        registries[name] = await startFaultRegistry({ users: { robot: passwords[name].text }, auth });
      }),
    );
  }

  function writeConfiguration(): void {
    const entry = ({ text }: Canary) => ({ auth: Buffer.from(`robot:${text}`).toString("base64") });
    const identity = registries.identity.identityToken("robot");
    secrets.push(canaryOf("identity token", identity));
    const config = {
      auths: {
        [registries.auths.host]: entry(rich.auths),
        [registries.bearer.host]: entry(rich.bearer),
        [registries.wrong.host]: entry(rich.wrong),
        [registries.identity.host]: { identitytoken: identity },
      },
      credHelpers: { [registries.helper.host]: marker.text, "127.0.0.1:1": "garbage" },
      proxies: { default: { httpProxy: `http://u:${plain.configProxy.text}@proxy.invalid:1` } },
    };
    write(at("docker", "config.json"), JSON.stringify(config));
    const answer = JSON.stringify({ ServerURL: registries.helper.host, Username: "robot", Secret: rich.helper.text });
    write(at("answer"), answer);
    // A moment of sleep, so that its command line is there to be seen.
    write(at("bin", `docker-credential-${marker.text}`), `#!/bin/sh\nsleep 0.2\ncat ${at("answer")}\n`, 0o700);
    write(at("rubbish"), `{"Secret": ${rich.garbage.text}`);
    const garbage = `#!/bin/sh\ncat ${at("rubbish")}\ncat ${at("rubbish")} >&2\nexit 3\n`;
    write(at("bin", "docker-credential-garbage"), garbage, 0o700);
    write(at("login"), `robot:${rich.fileReference.text}\n`);
  }

  function writeContexts(): void {
    const mounts = "--mount=type=secret,id=env --mount=type=secret,id=file";
    const [one, two] = ["/run/secrets/env", "/run/secrets/file"];
    // Whole, in two chunks, behind a line too long to be kept whole, and in base64.
    const print = [
      `cat ${one} ${two}`,
      `head -c 20 ${one}; sleep 0.4; tail -c +21 ${one}; echo`,
      `head -c 20000 /dev/zero | tr '\\0' x; head -c 20 ${two}; sleep 0.4; tail -c +21 ${two}; echo`,
      `base64 ${one}`,
      'echo "$NPM_TOKEN $TOKEN_OF_CI"',
      `echo ${marker.text}`,
    ].join("; ");
    const lines = [
      `FROM ${image.reference}`,
      "ARG NPM_TOKEN",
      "ARG TOKEN_OF_CI",
      `ENV API_TOKEN ${plain.dockerfileEnv.text}`,
      `RUN echo "$NPM_TOKEN $TOKEN_OF_CI $API_TOKEN ${marker.text}" | cat`,
    ];
    write(at("root", "classic", "Dockerfile"), `${lines.join("\n")}\n`);
    write(at("root", "good", "Dockerfile"), `${lines.join("\n")}\nRUN ${mounts} ${print}\n`);
    write(at("root", "failing", "Dockerfile"), `${lines.join("\n")}\nRUN ${mounts} ${print}; exit 3\n`);
    const remote = `[remote "origin"]\n\turl = https://robot:${plain.gitRemote.text}@git.example/team/${marker.text}.git\n`;
    for (const name of ["good", "failing", "classic"]) {
      write(at("root", name, ".git", "config"), remote);
      write(at("root", name, ".git", "HEAD"), "ref: refs/heads/main\n");
    }
    write(at("root", "key"), plain.buildSecretFile.text);
  }

  const build = (folder: string, code: string): Call => ({
    tool: "build_image",
    input: {
      context: at("root", folder),
      tags: [built],
      buildArgs: { NPM_TOKEN: plain.buildArgument.text, TOKEN_OF_CI: plain.otherBuildArgument.text },
      labels: { marker: marker.text },
      noCache: true,
      ...(folder === "classic"
        ? {}
        : {
            secrets: [
              { id: "env", from: "env:BUILD_SECRET" },
              { id: "file", from: `file:${at("root", "key")}` },
            ],
          }),
    },
    expect: code,
  });

  /** What succeeds and what fails on the way. */
  function calls(): readonly Call[] {
    const target = (name: (typeof HOSTS)[number]): string => `${registries[name].host}/team/app:${marker.text}`;
    const good = HOSTS.filter((name) => name !== "wrong");
    return [
      build("good", "ok"),
      build("failing", "BUILD_FAILED"),
      { tool: "inspect_image", input: { image: built }, expect: "ok" },
      { tool: "inspect_image", input: { image: image.reference }, expect: "ok" },
      ...good.flatMap((name): Call[] => [
        {
          tool: "validate_credentials",
          input: { registry: registries[name].host, repository: "team/app" },
          expect: "ok",
        },
        { tool: "push_image", input: { image: built, target: target(name) }, expect: "ok" },
      ]),
      { tool: "tag_image", input: { source: built, target: target("wrong"), force: true }, expect: "ok" },
      { tool: "pull_image", input: { image: target("auths"), force: true }, expect: "ok" },
      { tool: "pull_image", input: { image: target("identity"), force: true }, expect: "ok" },
      { tool: "validate_credentials", input: { registry: registries.wrong.host }, expect: "ok" },
      { tool: "push_image", input: { image: target("wrong") }, expect: "AUTH_FAILED" },
      { tool: "push_image", input: { image: target("wrong"), dryRun: true }, expect: "AUTH_FAILED" },
      { tool: "pull_image", input: { image: target("wrong"), force: true }, expect: "AUTH_FAILED" },
      { tool: "validate_credentials", input: { registry: "127.0.0.1:1" }, expect: "CREDENTIAL_HELPER_FAILED" },
      { tool: "push_image", input: { image: built, target: "127.0.0.1:1/a:1" }, expect: "CREDENTIAL_HELPER_FAILED" },
      ...refusedCalls(),
    ];
  }

  /** Credentials where none belong: refused, and not told back. */
  function refusedCalls(): readonly Call[] {
    const secret = plain.refused.text;
    const login = `robot:${secret}@registry.example`;
    const context = at("root", "good");
    const bad: readonly (readonly [tool: string, input: Readonly<Record<string, unknown>>])[] = [
      ["validate_credentials", { registry: `https://user:${plain.registryUrl.text}@registry.example` }],
      ["validate_credentials", { registry: login }],
      ["validate_credentials", { registry: `${login}/app@sha256:${"a".repeat(64)}` }],
      ["validate_credentials", { registry: registries.auths.host, repository: `${login}/app` }],
      ["validate_credentials", { registry: registries.auths.host, password: secret }],
      ["pull_image", { image: `${login}/app:1` }],
      ["push_image", { image: `https://${login}/app:1` }],
      ["push_image", { image: built, target: `${login}/app:1` }],
      ["tag_image", { source: built, target: `${login}/app:1` }],
      ["inspect_image", { image: `${login}/app:1` }],
      ["build_image", { context, tags: [`${login}/app:1`] }],
      ["build_image", { context, tags: ["a:1"], cacheFrom: [`${login}/app:1`] }],
      ["build_image", { context, tags: ["a:1"], secrets: [{ id: "a", from: secret }] }],
      ["build_image", { context, tags: ["a:1"], secrets: secret }],
    ];
    return bad.map(([tool, input]) => ({ tool, input, expect: "INVALID_INPUT" }));
  }

  beforeAll(async () => {
    image = await makeTinyImage(rig, { shell: true, changes: [`ENV DEPLOY_CODE=${plain.imageEnv.text}`] });
    await startRegistries();
    writeConfiguration();
    writeContexts();
    classic = await startEngineProxy({ target: rig.engine.host, rules: [WITHOUT_SESSION] });
    const proxy = `http://robot:${plain.proxy.text}@proxy.invalid:3128`;
    env = {
      ...rig.environment,
      PATH: `${at("bin")}:${process.env["PATH"] ?? ""}`,
      DOCKER_CONFIG: at("docker"),
      CONTAINER_KIT_HOME: at("home"),
      CONTAINER_KIT_LOG_LEVEL: "debug",
      HTTP_PROXY: proxy,
      HTTPS_PROXY: proxy,
      https_proxy: proxy,
      NO_PROXY: "127.0.0.1",
      BUILD_SECRET: plain.buildSecretEnv.text,
      REFERENCE_USER: "robot",
      REFERENCE_PASSWORD: rich.envReference.text,
      [`USER_${marker.core}`]: "nobody",
    };
    flags = [
      ...["--registry-credentials", `${registries.envReference.host}=env:REFERENCE_USER,REFERENCE_PASSWORD`],
      ...["--registry-credentials", `${registries.fileReference.host}=file:${at("login")}`],
    ];
  }, 60_000);

  afterAll(async () => {
    await server?.close();
    await classic.close();
    for (const name of HOSTS) {
      await engineRequest(rig.engine.host, "DELETE", `/images/${registries[name].host}/team/app:${marker.text}`);
      await registries[name].close();
    }
    await engineRequest(rig.engine.host, "DELETE", `/images/${built}?force=true`);
    await image.remove();
    rmSync(base, { recursive: true, force: true });
  });

  test("is lost on the way: every call over MCP goes as it should", async () => {
    const watch = watchCommandLines();
    server = await spawnServer({ cli: CLI, args: ["serve", "--root", at("root"), ...flags], env, cwd: base });
    const call = async ({ tool, input, expect: code }: Call) => {
      const onprogress = ({ message = "" }) => void told.push([`progress of ${tool}`, message]);
      const answer = await server.client.callTool({ name: tool, arguments: input }, undefined, { onprogress });
      told.push([`answer of ${tool}`, JSON.stringify(answer)]);
      const outcome = answer.structuredContent as { ok: boolean; error?: { code: string }; result: { log?: string } };
      expect(outcome.error?.code ?? "ok", `${tool}: ${JSON.stringify(answer)}`).toBe(code);
      return outcome;
    };
    const [first, ...rest] = calls();
    if (first === undefined) throw new Error("there is nothing to call");
    const { result } = await call(first);
    const log = await server.client.readResource({ uri: result.log ?? "" });
    // The step printed them: that they are masked shows that they were there.
    expect(JSON.stringify(log)).toContain(MASK);
    told.push(["resource of the log", JSON.stringify(log)]);
    for (const each of rest) await call(each);
    for (const tool of ["list_sessions", "server_status"]) await call({ tool, input: {}, expect: "ok" });
    const { resources } = await server.client.listResources();
    for (const { uri } of resources) {
      told.push([uri, JSON.stringify(await server.client.readResource({ uri }))]);
    }
    commandLines += watch.stop();
    for (const path of ["json", "history"])
      imageFacts += (await engineRequest(rig.engine.host, "GET", `/images/${built}/${path}`)).text;
    // While it runs, and so with what stands in the write-ahead logs alone.
    for (const [path, content] of filesBelow(at("home"))) told.push([`${path} while the server runs`, content]);
  }, 60_000);

  const cli = async (where: string, args: readonly string[], options: Parameters<typeof runCli>[2] = {}) => {
    const ran = await runCli(CLI, args, { ...options, env: { ...env, CONTAINER_KIT_HOME: at("cli"), ...options.env } });
    told.push([`stdout of ${where}`, ran.stdout], [`stderr of ${where}`, ran.stderr]);
    return ran;
  };

  test("is lost on the way: every call on the command line goes as it should", async () => {
    const watch = watchCommandLines();
    const call = async ({ tool, input, expect: code }: Call, more: Readonly<Record<string, string>> = {}) => {
      const args = ["call", tool, "--input", "-", "--json-stream", ...flags];
      const { stdout, stderr } = await cli(`call ${tool}`, args, { input: JSON.stringify(input), env: more });
      const outcome = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as { error?: { code: string } };
      expect(outcome.error?.code ?? "ok", `${tool}: ${stdout}${stderr}`).toBe(code);
      return outcome;
    };
    const [first, ...rest] = calls();
    if (first === undefined) throw new Error("there is nothing to call");
    await call(first);
    // Two at a time, for the sake of time.
    const queue = rest.values();
    await Promise.all(
      [0, 1].map(async () => {
        for (const each of queue) await call(each);
      }),
    );
    expect(await call(build("classic", "ok"), { DOCKER_HOST: classic.host })).toMatchObject({
      result: { builder: "classic" },
    });
    expect(classic.fired(WITHOUT_SESSION)).toBeGreaterThan(0);
    commandLines += watch.stop();
  }, 60_000);

  test("is lost on the way: what cannot even be read is refused without being told back", async () => {
    const secret = plain.refused.text;
    const file = write(at("broken.yaml"), `registryCredentials: ["robot:${secret}"]\n`);
    const input = ["--input", JSON.stringify({ image: built })];
    const usages: readonly (readonly [readonly string[], Parameters<typeof runCli>[2]?])[] = [
      [["call", "inspect_image", `--password=${secret}`]],
      [["call", "inspect_image", ...input, "--registry-credentials", `robot:${secret}`]],
      [["call", "inspect_image", ...input, "--config", file]],
      [["call", "inspect_image", "--input", "-"], { input: `robot:${secret}` }],
      [["call", "inspect_image", "--input", "-"], { input: `{"image": ${secret}` }],
      [["call", "inspect_image", ...input], { env: { DOCKER_HOST: `tcp://robot:${secret}@127.0.0.1:1` } }],
      [["doctor"], { env: { DOCKER_HOST: `tcp://robot:${secret}@127.0.0.1:1` } }],
    ];
    for (const [args, options] of usages) {
      const ran = await cli(args.slice(0, 3).join(" "), args, options);
      expect(ran.code, ran.stdout + ran.stderr).not.toBe(0);
    }
    for (const args of [
      ["doctor", ...flags],
      ["sessions", "list", "--json"],
    ]) {
      expect(await cli(args.join(" "), args)).toMatchObject({ code: 0 });
    }
    // A reference that is for every registry is warned of, by name.
    const unbound = ["--registry-credentials", `env:USER_${marker.core},REFERENCE_PASSWORD`];
    await cli("call with an unbound reference", ["call", "inspect_image", ...input, ...unbound]);
  }, 30_000);

  test("is told or kept anywhere, and a marker is found everywhere", async () => {
    await server.close();
    told.push(["stdout of the server", server.stdout()], ["stderr of the server", server.stderr()]);
    for (const folder of ["home", "cli"]) for (const file of filesBelow(at(folder))) told.push(file);
    for (const name of ["bearer", "identity"] as const) {
      const tokens = registries[name]
        .requests()
        .flatMap(({ headers }) => /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? []);
      expect(tokens.length).toBeGreaterThan(0);
      secrets = [...secrets, ...[...new Set(tokens)].map((token) => canaryOf(`bearer token of ${name}`, token))];
    }
    const found = [
      ...told.flatMap(([where, content]) => findCanaries(where, content, secrets)),
      ...findCanaries("command lines", commandLines, secrets),
      ...findCanaries(
        "image",
        imageFacts,
        secrets.filter((canary) => !IN_IMAGES.includes(canary)),
      ),
    ];
    expect(found).toEqual([]);

    const places = told.flatMap(([where, content]) => findCanaries(where, content, [marker]));
    for (const kind of [
      "progress of",
      "answer of",
      "resource of",
      "job://",
      "session://",
      "stdout of call",
      "stderr of call",
      "stdout of the server",
      "state.db",
      "state.db-wal",
      "build.log",
    ]) {
      expect(
        places.some((place) => place.includes(kind)),
        `the marker in ${kind}: ${places.join("\n")}`,
      ).toBe(true);
    }
    expect(findCanaries("", commandLines, [marker])).not.toEqual([]);
    expect(findCanaries("", imageFacts, [marker, ...IN_IMAGES]).length).toBeGreaterThan(1);
  });

  test("hides from the search behind another spelling", () => {
    const { core } = marker;
    const encoded: readonly string[] = [
      core,
      JSON.stringify({ a: core }),
      `${core.slice(0, 12)}\n`,
      [...core].reverse().join(""),
      Buffer.from(core).toString("hex"),
      ...["x", "xy", "xyz"].flatMap((before) =>
        (["base64", "base64url"] as const).map((kind) => Buffer.from(`${before}:${core}:z`).toString(kind)),
      ),
      [...core].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join(""),
    ];
    for (const text of encoded) expect(findCanaries("", `before ${text} after`, [marker]), text).not.toEqual([]);
    expect(findCanaries("", `${encoded.join(" ")}`, secrets)).toEqual([]);
  });
});
