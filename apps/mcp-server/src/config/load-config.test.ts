import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "./load-config.ts";
import type { ConfigSources } from "./load-config.ts";

let folder: string;
let project: string;
let home: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "container-kit-config-")));
  project = join(folder, "project");
  home = join(folder, "home");
  await mkdir(join(home, ".config", "container-kit"), { recursive: true });
  await mkdir(join(project, "app"), { recursive: true });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const load = (sources: Partial<ConfigSources> = {}) =>
  loadConfig({ flags: {}, environment: {}, workingDirectory: project, homeDirectory: home, ...sources });
const writeProject = (text: string): Promise<void> => writeFile(join(project, "container-kit.yaml"), text);
const writeUser = (text: string): Promise<void> =>
  writeFile(join(home, ".config", "container-kit", "container-kit.yaml"), text);
/** Where the project file is trusted: what is worked on lies beside it. */
const beside = { repositories: ["/elsewhere"] };

test("without anything the defaults apply", async () => {
  expect(await load()).toEqual({
    roots: null,
    toolsets: null,
    readOnly: false,
    logLevel: "warn",
    home: join(home, ".local/state/container-kit"),
    store: `sqlite:${join(home, ".local/state/container-kit/state.db")}`,
    allowNetworkFileSystem: false,
    baseImages: {},
    registryCredentials: [],
    plugins: [],
    policy: [],
    routing: { autoFix: true, budget: null, sources: [] },
    telemetry: { otlp: null, alerts: {} },
    files: [],
    warnings: [],
  });
});

test("the state folder follows XDG_STATE_HOME, and CONTAINER_KIT_HOME goes before it", async () => {
  expect((await load({ environment: { XDG_STATE_HOME: "/state" } })).home).toBe("/state/container-kit");
  expect((await load({ environment: { XDG_STATE_HOME: "relative" } })).home).toBe(
    join(home, ".local/state/container-kit"),
  );
  const named = await load({ environment: { XDG_STATE_HOME: "/state", CONTAINER_KIT_HOME: "/named" } });
  expect([named.home, named.store]).toEqual(["/named", "sqlite:/named/state.db"]);
});

test("flags go before the environment, it before the project file, that before the user's, key by key", async () => {
  await writeUser("store: sqlite:/user.db\nlogLevel: error\nreadOnly: true\nroots: [/user]\nbaseImages: { a: user }\n");
  await writeProject("store: sqlite:/project.db\nlogLevel: info\nroots: [/project]\n");
  const fromFiles = await load(beside);
  expect(fromFiles).toMatchObject({
    store: "sqlite:/project.db",
    logLevel: "info",
    readOnly: true,
    roots: ["/project"],
    baseImages: { a: "user" },
  });
  expect(fromFiles.files).toEqual([
    join(project, "container-kit.yaml"),
    join(home, ".config/container-kit/container-kit.yaml"),
  ]);
  const environment = { CONTAINER_KIT_STORE: "sqlite:/env.db", CONTAINER_KIT_LOG_LEVEL: "debug" };
  const flags = { roots: ["app"], readOnly: false };
  expect(await load({ ...beside, environment, flags })).toMatchObject({
    store: "sqlite:/env.db",
    logLevel: "debug",
    roots: [join(project, "app")],
    readOnly: false,
  });
});

test("--config goes before CONTAINER_KIT_CONFIG, and that before the user's own file", async () => {
  await writeUser("logLevel: error\n");
  await writeFile(join(folder, "a.yaml"), "logLevel: info\n");
  await writeFile(join(folder, "b.yaml"), "logLevel: debug\n");
  const environment = { CONTAINER_KIT_CONFIG: join(folder, "a.yaml") };
  expect((await load({ environment })).logLevel).toBe("info");
  expect((await load({ environment, flags: { config: "../b.yaml" } })).logLevel).toBe("debug");
  await expect(load({ flags: { config: "nope.yaml" } })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("an empty variable counts as absent", async () => {
  const environment = {
    CONTAINER_KIT_HOME: "",
    CONTAINER_KIT_STORE: "",
    CONTAINER_KIT_LOG_LEVEL: "",
    CONTAINER_KIT_CONFIG: "",
  };
  expect((await load({ environment })).home).toBe(join(home, ".local/state/container-kit"));
});

test("roots of a file start at its folder, and ~ is the home directory", async () => {
  await writeProject("roots: [., app, ~/src, /abs]\n");
  expect((await load(beside)).roots).toEqual([project, join(project, "app"), join(home, "src"), "/abs"]);
});

test("a project file inside the repository narrows, and what would widen is ignored aloud", async () => {
  await writeUser("toolsets: [build, image]\nbaseImages: { a: user }\nreadOnly: true\n");
  await writeProject(
    "roots: [app, /etc]\ntoolsets: [build, deploy]\nreadOnly: false\nstore: sqlite:/evil.db\nbaseImages: { a: evil }\nlogLevel: debug\n",
  );
  const config = await load();
  expect(config).toMatchObject({
    roots: [join(project, "app")],
    toolsets: ["build"],
    readOnly: true,
    logLevel: "debug",
    store: `sqlite:${join(home, ".local/state/container-kit/state.db")}`,
    baseImages: { a: "user" },
  });
  expect(config.warnings.map((warning) => warning.replace(/^.*container-kit\.yaml: /, ""))).toEqual([
    "a root outside the allowed ones is ignored, because a file inside the repository may not widen them.",
    "a toolset that is not served is ignored, because a file inside the repository may not add it.",
    "readOnly: false is ignored, because a file inside the repository may not lift it.",
    "store is ignored, because a file inside the repository may not choose where the record goes.",
    "baseImages is ignored, because a file inside the repository may not choose what images are built on.",
  ]);
});

test("references to credentials come from a flag or the user's own file, with absolute paths", async () => {
  await writeUser('registryCredentials: ["env:U,P", "r.example.com:5000=file:hub", "file:~/login"]\n');
  const folder = join(home, ".config", "container-kit");
  expect((await load()).registryCredentials).toEqual([
    "env:U,P",
    `r.example.com:5000=file:${join(folder, "hub")}`,
    `file:${join(home, "login")}`,
  ]);
  const flags = { registryCredentials: ["[::1]:5000=file:login"] };
  expect((await load({ flags })).registryCredentials).toEqual([`[::1]:5000=file:${join(project, "login")}`]);
});

test.each([[beside], [{}]])("a project file names no credentials, trusted or not (%j)", async (sources) => {
  await writeProject("registryCredentials: [file:evil]\n");
  const { registryCredentials, warnings } = await load(sources);
  expect(registryCredentials).toEqual([]);
  expect(warnings).toEqual([
    `${join(project, "container-kit.yaml")}: registryCredentials is ignored, because only a flag and the user's own file may name them.`,
  ]);
});

test("a credential in place of a reference is refused without being repeated", async () => {
  const refusal = expect.objectContaining({
    code: "INVALID_INPUT",
    message: expect.not.stringContaining("canary"),
    details: expect.not.objectContaining({ issues: expect.stringContaining("canary") }),
  });
  await expect(load({ flags: { registryCredentials: ["ada:hunter2-canary"] } })).rejects.toThrow(refusal);
  await writeUser("registryCredentials:\n  - file:ok\n  - ada:hunter2-canary\n");
  const failure = load();
  await expect(failure).rejects.toThrow(/container-kit\.yaml:3: registryCredentials\.1: a reference is/);
  expect(JSON.stringify(await failure.catch((error: unknown) => error))).not.toContain("canary");
});

test("a symbolic link to the repository does not make its file trusted", async () => {
  await writeProject("store: sqlite:/evil.db\n");
  await symlink(project, join(folder, "link"));
  const config = await load({ workingDirectory: join(folder, "link"), repositories: [project] });
  expect(config.warnings).toHaveLength(1);
});

test.each([
  [
    "a misspelt member before the one that is missing",
    "routing:\n  rules:\n    - nam: a\n      priority: 1\n      action: fail\n      reason: b\n",
    3,
    /Unrecognized key: "nam"/,
  ],
  ["what is missing", "plugins:\n  - trusted: true\n", 2, /plugins\.0\.package: is missing: expected string/],
  ["an unknown key", "logLevel: info\nrootz: []\n", 2, /Unrecognized key/],
  ["a wrong type", "\n\nreadOnly: perhaps\n", 3, /readOnly/],
  ["a wrong entry of a list", "roots:\n  - a\n  - 5\n", 3, /roots\.1/],
  ["broken YAML", "roots: [a\nlogLevel: info\n", 2, /./],
  ["a list instead of keys", "- a\n", 1, /object/],
])("%s is refused with the file, the line and the issue", async (_what, text, line, message) => {
  await writeProject(text);
  const error = await load().then(
    () => undefined,
    (thrown: unknown) => thrown as Error & { code: string },
  );
  expect(error?.code).toBe("INVALID_INPUT");
  expect(error?.message).toContain(`${join(project, "container-kit.yaml")}:${line}: `);
  expect(error?.message).toMatch(message);
});

test("an empty file says nothing", async () => {
  await writeProject("# nothing\n");
  expect((await load()).warnings).toEqual([]);
});

test("aliases that blow up are refused", async () => {
  const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (const [one, two] of ["ab", "bc", "cd", "de", "ef"].map((pair) => pair.split(""))) {
    bomb.push(
      `${String(two)}: &${String(two)} [*${String(one)},*${String(one)},*${String(one)},*${String(one)},*${String(one)},*${String(one)}]`,
    );
  }
  await writeProject(bomb.join("\n"));
  await expect(load()).rejects.toMatchObject({ code: "INVALID_INPUT" });
});

test("an unknown log level names the variable", async () => {
  await expect(load({ environment: { CONTAINER_KIT_LOG_LEVEL: "loud" } })).rejects.toMatchObject({
    code: "INVALID_INPUT",
    message: 'CONTAINER_KIT_LOG_LEVEL is "loud"',
  });
});

test("the policies of the user's file and of a project's all count, also of one inside the repository", async () => {
  await writeUser("policy: { registries: { allow: [r.example.com] } }\n");
  await writeProject("policy: { nonRoot: true, registries: { allow: [other.example.com] } }\n");
  const user = {
    source: join(home, ".config/container-kit/container-kit.yaml"),
    rules: { registries: { allow: ["r.example.com"] } },
  };
  const projects = {
    source: join(project, "container-kit.yaml"),
    rules: { nonRoot: true, registries: { allow: ["other.example.com"] } },
  };
  const [inside, outside] = [await load(), await load(beside)];
  expect(inside).toMatchObject({ policy: [user, projects], warnings: [] });
  expect(outside.policy).toEqual(inside.policy);
});

test("a policy that demands nothing is refused with its line", async () => {
  await writeUser("policy:\n  rules:\n    - name: nothing\n");
  await expect(load()).rejects.toMatchObject({
    code: "INVALID_INPUT",
    message: expect.stringMatching(/:3: policy\.rules\.0: demands nothing/),
  });
});

test("who is told of the calls, and what is an alarm, is for the user to say and not for the repository", async () => {
  await writeUser("telemetry: { otlp: 'http://mine:4318' }\nalerts: { error-rate: false }\n");
  await writeProject("telemetry: { otlp: 'http://theirs:4318' }\nalerts: { queue-stuck: false }\n");
  const [inside, outside] = [await load(), await load(beside)];
  expect(inside.telemetry).toEqual({ otlp: "http://mine:4318", alerts: { "error-rate": false } });
  expect(inside.warnings.join()).toMatch(/telemetry is ignored.*alerts is ignored/);
  expect(outside.telemetry).toEqual({ otlp: "http://theirs:4318", alerts: { "queue-stuck": false } });
});

test("an alert rule that cannot be understood is refused with its line and its path", async () => {
  await writeUser("alerts:\n  slow-builds:\n    kind: p95\n    tools: [build_image]\n    aboveMs: soon\n");
  await expect(load()).rejects.toMatchObject({
    code: "INVALID_INPUT",
    message: expect.stringMatching(/:5: alerts\.slow-builds\.aboveMs: must be a number/),
  });
});

test("plugins of the user's file start at its folder, and a flag adds one", async () => {
  await writeUser(
    "plugins:\n  - package: ./mine\n    read: [data, ~/notes]\n  - package: installed\n    trusted: true\n",
  );
  const folder = join(home, ".config/container-kit");
  expect((await load({ flags: { plugins: ["extra"] } })).plugins).toEqual([
    { package: join(folder, "mine"), folder, read: [join(folder, "data"), join(home, "notes")] },
    { package: "installed", folder, trusted: true },
    { package: join(project, "extra") },
  ]);
});

test("a file inside the repository loads no plugin; one beside it does", async () => {
  await writeProject("plugins: [{ package: ./theirs }]\n");
  const inside = await load();
  expect(inside.plugins).toEqual([]);
  expect(inside.warnings).toEqual([expect.stringContaining("plugins is ignored")]);
  expect((await load(beside)).plugins).toEqual([{ package: join(project, "theirs"), folder: project }]);
});

test("a network file system for the record is allowed by a trusted file alone", async () => {
  await writeUser("allowNetworkFileSystem: true\n");
  expect((await load()).allowNetworkFileSystem).toBe(true);
  await writeProject("allowNetworkFileSystem: false\n");
  expect((await load(beside)).allowNetworkFileSystem).toBe(false);
  await writeUser("");
  await writeProject("allowNetworkFileSystem: true\n");
  const { allowNetworkFileSystem, warnings } = await load();
  expect(allowNetworkFileSystem).toBe(false);
  expect(warnings).toEqual([expect.stringContaining("allowNetworkFileSystem is ignored")]);
});

const rule = "{ name: my-rule, priority: 5, fromTool: build_image, action: fail, reason: Ask the platform team. }";

test("routing rules of the user's and of a trusted project's file are put together, the project's last", async () => {
  await writeUser(`routing:\n  budget: 3\n  autoFix: false\n  rules: [${rule}]\n`);
  await writeProject("routing:\n  budget: 5\n  disabled: [my-rule]\n");
  const { routing } = await load(beside);
  expect(routing).toMatchObject({
    autoFix: false,
    budget: 5,
    sources: [
      { rules: [{ name: "my-rule" }], disabled: [] },
      { source: join(project, "container-kit.yaml"), rules: [], disabled: ["my-rule"] },
    ],
  });
});

test("a file inside the repository may only say that nothing is to be mended", async () => {
  await writeUser("routing: { budget: 3 }\n");
  await writeProject(`routing: { autoFix: false, budget: 99, rules: [${rule}] }\n`);
  const narrowed = await load();
  expect(narrowed.routing).toMatchObject({ autoFix: false, budget: 3, sources: [{ rules: [] }] });
  expect(narrowed.warnings).toEqual([expect.stringContaining("routing, but for autoFix: false, is ignored")]);
  await writeProject("routing: { autoFix: false }\n");
  expect((await load()).warnings).toEqual([]);
  await writeUser("routing: { autoFix: false }\n");
  await writeProject("routing: { autoFix: true }\n");
  const { routing, warnings } = await load();
  expect([routing.autoFix, warnings.length]).toEqual([false, 1]);
});

test("a routing rule that cannot be understood is refused with its line and its path", async () => {
  await writeUser("routing:\n  rules:\n    - name: mine\n      priority: soon\n      action: fail\n      reason: x\n");
  await expect(load()).rejects.toMatchObject({
    code: "INVALID_INPUT",
    message: expect.stringMatching(/:4: routing\.rules\.0\.priority: /),
  });
});
