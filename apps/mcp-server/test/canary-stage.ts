/** The scene of the canary test: a secret in every place where one can enter, and the calls that come near them. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineRequest, makeTinyImage, startEngineProxy, startFaultRegistry, uniqueName } from "@container-kit/testkit";
import type { EngineProxy, FaultRegistry, LoadedRig, TinyImage } from "@container-kit/testkit";
import { canaryOf, createCanary } from "./canary-search.ts";
import type { Canary } from "./canary-search.ts";

/** A call of a tool, and how it has to end: `ok`, or the code. */
export interface CanaryCall {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly end: string;
}

export interface CanaryStage {
  /** A path below the folder of the test. */
  at(...parts: readonly string[]): string;
  readonly env: Readonly<Record<string, string>>;
  readonly flags: readonly string[];
  readonly canaries: readonly Canary[];
  /** Tokens that the registries have given so far. */
  tokens(): readonly Canary[];
  /** Whoever put these into an image, with ENV or as an argument, finds them there. */
  readonly inImages: readonly Canary[];
  /** What is put into arguments that are refused. */
  readonly refused: Canary;
  /** Not a secret: what the search must find everywhere. */
  readonly marker: Canary;
  /** The image that the calls build, and the one that they build on. */
  readonly built: string;
  readonly image: TinyImage;
  /** An engine without sessions, which builds with the classic builder. */
  readonly classic: EngineProxy;
  /** A build that succeeds comes first. */
  readonly calls: readonly CanaryCall[];
  readonly classicBuild: CanaryCall;
  close(): Promise<void>;
}

const RICH = ["auths", "helper", "garbage", "envReference", "fileReference", "bearer", "wrong", "right"] as const;
const PLAIN = [
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
const HOSTS = ["auths", "helper", "envReference", "fileReference", "bearer", "identity", "wrong"] as const;
type Host = (typeof HOSTS)[number];
type Name = (typeof RICH)[number] | (typeof PLAIN)[number];

interface Parts {
  readonly at: CanaryStage["at"];
  readonly secret: (name: Name) => Canary;
  readonly marker: Canary;
  readonly image: TinyImage;
  readonly built: string;
  readonly host: (name: Host) => string;
}

export async function openCanaryStage(rig: LoadedRig): Promise<CanaryStage> {
  const rich = RICH.map((name) => createCanary(name, "rich"));
  const canaries = [...rich, ...PLAIN.map((name) => createCanary(name))];
  const secret = (name: Name): Canary => canaries.find((canary) => canary.name === name) as Canary;
  const marker = createCanary("marker");
  const base = realpathSync(mkdtempSync(join(tmpdir(), `canary-${marker.text}-`)));
  const at = (...parts: readonly string[]): string => join(base, ...parts);
  const built = `${uniqueName("canary")}:${marker.text}`;
  const changes = [`ENV DEPLOY_CODE=${secret("imageEnv").text}`];
  const [image, classic, registries] = await Promise.all([
    makeTinyImage(rig, { shell: true, changes }),
    startEngineProxy({ target: rig.engine.host, rules: [WITHOUT_SESSION] }),
    startRegistries(secret),
  ]);
  const registry = (name: Host): FaultRegistry => registries.get(name) as FaultRegistry;
  const parts: Parts = { at, secret, marker, image, built, host: (name) => registry(name).host };
  const identity = registry("identity").identityToken("robot");
  writeConfiguration(parts, identity);
  writeContexts(parts);
  return {
    at,
    env: { ...rig.environment, ...environment(parts) },
    flags: [
      "--registry-credentials",
      `${parts.host("envReference")}=env:REFERENCE_USER,REFERENCE_PASSWORD`,
      "--registry-credentials",
      `${parts.host("fileReference")}=file:${at("login")}`,
    ],
    canaries: [...canaries, canaryOf("identity token", identity)],
    tokens: () => (["bearer", "identity"] as const).flatMap((name) => tokensOf(registry(name), name)),
    inImages: (["buildArgument", "otherBuildArgument", "imageEnv", "dockerfileEnv"] as const).map(secret),
    refused: secret("refused"),
    marker,
    built,
    image,
    classic,
    calls: [...transferCalls(parts), ...failingCalls(parts), ...refusedCalls(parts)],
    classicBuild: buildCall(parts, "classic", "ok"),
    close: async () => {
      await classic.close();
      const names = [built, ...HOSTS.map((name) => `${parts.host(name)}/team/app:${marker.text}`)];
      for (const name of names) await engineRequest(rig.engine.host, "DELETE", `/images/${name}?force=true`);
      await Promise.all([...registries.values()].map((each) => each.close()));
      await image.remove();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** The fault of {@link CanaryStage.classic}. */
export const WITHOUT_SESSION = {
  match: /^POST (?:\/v[\d.]+)?\/session/,
  fault: { kind: "answer", status: 404, body: '{"message":"page not found"}' },
} as const;

async function startRegistries(secret: Parts["secret"]): Promise<ReadonlyMap<Host, FaultRegistry>> {
  const started = HOSTS.map(async (name) => {
    const withTokens = name === "bearer" || name === "identity";
    // The registry that is given a wrong password has another one.
    const { text } = secret(name === "wrong" ? "right" : name === "identity" ? "bearer" : name);
    const options = { users: { robot: text }, auth: withTokens ? "bearer" : "basic" } as const;
    return [name, await startFaultRegistry(options)] as const;
  });
  return new Map(await Promise.all(started));
}

function tokensOf(registry: FaultRegistry, name: string): readonly Canary[] {
  const sent = registry.requests().map(({ headers }) => /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1]);
  const tokens = new Set(sent.filter((token) => token !== undefined));
  return [...tokens].map((token) => canaryOf(`token of ${name}`, token));
}

function environment({ at, secret, marker }: Parts): Readonly<Record<string, string>> {
  const proxy = `http://robot:${secret("proxy").text}@proxy.invalid:3128`;
  return {
    PATH: `${at("bin")}:${process.env["PATH"] ?? ""}`,
    DOCKER_CONFIG: at("docker"),
    CONTAINER_KIT_LOG_LEVEL: "debug",
    HTTP_PROXY: proxy,
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    NO_PROXY: "127.0.0.1",
    BUILD_SECRET: secret("buildSecretEnv").text,
    REFERENCE_USER: "robot",
    REFERENCE_PASSWORD: secret("envReference").text,
    [`USER_${marker.core}`]: "nobody",
  };
}

function write(path: string, content: string, mode = 0o600): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
}

function writeConfiguration({ at, secret, marker, host }: Parts, identity: string): void {
  const entry = (name: Name) => ({ auth: Buffer.from(`robot:${secret(name).text}`).toString("base64") });
  const config = {
    auths: {
      ...Object.fromEntries((["auths", "bearer", "wrong"] as const).map((name) => [host(name), entry(name)])),
      [host("identity")]: { identitytoken: identity },
    },
    credHelpers: { [host("helper")]: marker.text, "127.0.0.1:1": "garbage" },
    proxies: { default: { httpProxy: `http://u:${secret("configProxy").text}@proxy.invalid:1` } },
  };
  write(at("docker", "config.json"), JSON.stringify(config));
  const answer = { ServerURL: host("helper"), Username: "robot", Secret: secret("helper").text };
  write(at("answer"), JSON.stringify(answer));
  // A moment of sleep, so that its command line is there to be seen.
  write(at("bin", `docker-credential-${marker.text}`), `#!/bin/sh\nsleep 0.2\ncat ${at("answer")}\n`, 0o700);
  write(at("rubbish"), `{"Secret": ${secret("garbage").text}`);
  const garbage = `#!/bin/sh\ncat ${at("rubbish")}\ncat ${at("rubbish")} >&2\nexit 3\n`;
  write(at("bin", "docker-credential-garbage"), garbage, 0o700);
  write(at("login"), `robot:${secret("fileReference").text}\n`);
  const broken = `registryCredentials: ["robot:${secret("refused").text}"]\n`;
  write(at("broken.yaml"), broken);
}

function writeContexts({ at, secret, marker, image }: Parts): void {
  const mounts = "--mount=type=secret,id=env --mount=type=secret,id=file";
  const [one, two] = ["/run/secrets/env", "/run/secrets/file"];
  // Whole, in two chunks, in two chunks behind a line that is too long to be kept whole, and in base64.
  const print = [
    `cat ${one} ${two}`,
    `head -c 20 ${one}; sleep 0.4; tail -c +21 ${one}; echo`,
    `head -c 20000 /dev/zero | tr '\\0' x; head -c 20 ${two}; sleep 0.4; tail -c +21 ${two}; echo`,
    `base64 ${one}`,
    'echo "$NPM_TOKEN $TOKEN_OF_CI"',
    `echo ${marker.text}`,
  ].join("; ");
  // What an error keeps of a step's output are its last 12,000 characters, and here they begin inside of a secret.
  const atLimit = `cat ${one}; head -c 11980 /dev/zero | tr '\\0' x`;
  const dockerfile = [
    `FROM ${image.reference}`,
    "ARG NPM_TOKEN",
    "ARG TOKEN_OF_CI",
    `ENV API_TOKEN ${secret("dockerfileEnv").text}`,
    `RUN echo "$NPM_TOKEN $TOKEN_OF_CI $API_TOKEN ${marker.text}" | cat\n`,
  ].join("\n");
  write(at("root", "classic", "Dockerfile"), dockerfile);
  write(at("root", "good", "Dockerfile"), `${dockerfile}RUN ${mounts} ${print}\n`);
  write(at("root", "failing", "Dockerfile"), `${dockerfile}RUN ${mounts} ${print}; ${atLimit}; exit 3\n`);
  const url = `https://robot:${secret("gitRemote").text}@git.example/team/${marker.text}.git`;
  for (const name of ["good", "failing", "classic"]) {
    write(at("root", name, ".git", "config"), `[remote "origin"]\n\turl = ${url}\n`);
    write(at("root", name, ".git", "HEAD"), "ref: refs/heads/main\n");
  }
  write(at("root", "key"), secret("buildSecretFile").text);
}

function buildCall({ at, secret, marker, built }: Parts, folder: string, end: string): CanaryCall {
  const secrets = [
    { id: "env", from: "env:BUILD_SECRET" },
    { id: "file", from: `file:${at("root", "key")}` },
  ];
  const input = {
    context: at("root", folder),
    tags: [built],
    buildArgs: { NPM_TOKEN: secret("buildArgument").text, TOKEN_OF_CI: secret("otherBuildArgument").text },
    labels: { marker: marker.text },
    noCache: true,
    ...(folder === "classic" ? {} : { secrets }),
  };
  return { tool: "build_image", input, end };
}

function transferCalls(parts: Parts): readonly CanaryCall[] {
  const { built, image, host, marker } = parts;
  const target = (name: Host): string => `${host(name)}/team/app:${marker.text}`;
  return [
    buildCall(parts, "good", "ok"),
    { tool: "inspect_image", input: { image: built }, end: "ok" },
    { tool: "inspect_image", input: { image: image.reference }, end: "ok" },
    ...HOSTS.filter((name) => name !== "wrong").flatMap((name): CanaryCall[] => [
      { tool: "validate_credentials", input: { registry: host(name), repository: "team/app" }, end: "ok" },
      { tool: "push_image", input: { image: built, target: target(name) }, end: "ok" },
    ]),
    { tool: "tag_image", input: { source: built, target: target("wrong"), force: true }, end: "ok" },
    { tool: "pull_image", input: { image: target("auths"), force: true }, end: "ok" },
    { tool: "pull_image", input: { image: target("identity"), force: true }, end: "ok" },
  ];
}

function failingCalls(parts: Parts): readonly CanaryCall[] {
  const { built, host, marker } = parts;
  const wrong = `${host("wrong")}/team/app:${marker.text}`;
  return [
    buildCall(parts, "failing", "BUILD_FAILED"),
    // Not valid is a result.
    { tool: "validate_credentials", input: { registry: host("wrong") }, end: "ok" },
    { tool: "push_image", input: { image: wrong }, end: "AUTH_FAILED" },
    { tool: "push_image", input: { image: wrong, dryRun: true }, end: "AUTH_FAILED" },
    { tool: "pull_image", input: { image: wrong, force: true }, end: "AUTH_FAILED" },
    { tool: "validate_credentials", input: { registry: "127.0.0.1:1" }, end: "CREDENTIAL_HELPER_FAILED" },
    { tool: "push_image", input: { image: built, target: "127.0.0.1:1/a:1" }, end: "CREDENTIAL_HELPER_FAILED" },
  ];
}

/** Credentials where none belong: refused, and not told back. */
function refusedCalls({ at, secret, built, host }: Parts): readonly CanaryCall[] {
  const { text } = secret("refused");
  const login = `robot:${text}@registry.example`;
  const context = at("root", "good");
  const calls: readonly (readonly [tool: string, input: CanaryCall["input"]])[] = [
    ["validate_credentials", { registry: `https://user:${secret("registryUrl").text}@registry.example` }],
    ["validate_credentials", { registry: login }],
    ["validate_credentials", { registry: `${login}/app@sha256:${"a".repeat(64)}` }],
    ["validate_credentials", { registry: host("auths"), repository: `${login}/app` }],
    ["validate_credentials", { registry: host("auths"), password: text }],
    ["pull_image", { image: `${login}/app:1` }],
    ["push_image", { image: `https://${login}/app:1` }],
    ["push_image", { image: built, target: `${login}/app:1` }],
    ["tag_image", { source: built, target: `${login}/app:1` }],
    ["inspect_image", { image: `${login}/app:1` }],
    ["build_image", { context, tags: [`${login}/app:1`] }],
    ["build_image", { context, tags: ["a:1"], cacheFrom: [`${login}/app:1`] }],
    ["build_image", { context, tags: ["a:1"], secrets: [{ id: "a", from: text }] }],
    ["build_image", { context, tags: ["a:1"], secrets: text }],
  ];
  return calls.map(([tool, input]) => ({ tool, input, end: "INVALID_INPUT" }));
}
