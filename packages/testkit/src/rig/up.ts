/**
 * Brings the rig up: an engine, a registry, stand-in images, and the files that tell tests where they are.
 *
 * - U1  Idempotent: what is there and works is used as it is. Without anything to do it takes well under a second.
 * - U2  One at a time for a folder (lock.ts), so two set-ups never start two engines.
 * - U3  An engine that the user runs is never touched but for the stand-in images, which undo removes.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { engineRequest } from "../engine-request.ts";
import { RigError } from "../rig-error.ts";
import type { Rig, RigEngine, RigRegistry, Standin } from "../types.ts";
import { canPull, writeBaseImageMap } from "./base-images.ts";
import { firstThatAnswers, namedCandidates, usualCandidates } from "./discover.ts";
import type { FoundEngine } from "./discover.ts";
import { writeWhole } from "./files.ts";
import { ensurePrograms, removeLeftPolicy } from "./install.ts";
import type { Need } from "./install.ts";
import { takeLock } from "./lock.ts";
import { readMade, recordMade } from "./made.ts";
import { rigPaths } from "./paths.ts";
import type { RigPaths } from "./paths.ts";
import { findRigPodman, startRigPodman } from "./podman.ts";
import { findProgram } from "./programs.ts";
import { findRigEngine, privateEngineObstacle, startRigEngine } from "./rig-engine.ts";
import { findRigRegistry, startRigRegistry } from "./rig-registry.ts";
import { ensureNodeStandin } from "./standin.ts";
import { tidyEngine } from "./tidy.ts";

export interface UpOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** False forbids installing packages. Starting what is installed stays allowed. */
  readonly mayInstall: boolean;
  /** True also brings up what only tests need: Podman as a second engine, and sshd's program. */
  readonly forTests?: boolean;
  readonly signal?: AbortSignal;
  /** Told before something that takes long. */
  readonly onStart?: (message: string) => void;
  /** Told after each step what it came to. */
  readonly onStep?: (step: RigStep) => void;
}

/** One step of a set-up, when it is done. */
export interface RigStep {
  readonly name: string;
  readonly detail: string;
  readonly ms: number;
}

type Step = <T>(name: string, work: () => Promise<readonly [detail: string, value: T]>) => Promise<T>;

interface Context {
  readonly paths: RigPaths;
  readonly options: UpOptions;
}

/** Brings up what is missing and returns the rig. Throws {@link RigError}. */
export async function bringUp(options: UpOptions): Promise<Rig> {
  const paths = rigPaths(options.environment);
  const context = { paths, options };
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
  chmodSync(paths.folder, 0o700);
  const release = await takeLock(paths.folder, {
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    onWait: (holder) => options.onStart?.(`waiting for the set-up that runs as process ${holder}`),
  });
  try {
    return await bringUpAlone(context, stepsFor(options));
  } finally {
    await release();
  }
}

async function bringUpAlone(context: Context, step: Step): Promise<Rig> {
  const { paths, options } = context;
  removeLeftPolicy(paths);
  const found = await step("engine", async () => {
    const engine = await findOrPlanEngine(context);
    return engine.running === undefined ? [engine.plan, undefined] : [describe(engine.running), engine.running];
  });
  await step("programs", async () => {
    const needs: Need[] = ["docker-registry", "busybox", ...(found === undefined ? (["dockerd"] as const) : [])];
    const added = await ensurePrograms(paths, await whatIsNeeded(needs, options.mayInstall), options);
    return [added.length === 0 ? "all there" : `installed ${added.join(" ")}`, undefined];
  });
  const engine =
    found ??
    (await step("private engine", async () => {
      options.onStart?.("starting dockerd");
      const started = await startRigEngine(paths, options);
      return [describe({ ...started, private: true }), { ...started, private: true }];
    }));
  if (found !== undefined && engine.private && options.forTests === true)
    await step("tidying", () => tidy(engine, options));
  const registry = await step("registry", () => bringUpRegistry(context, engine));
  const standins = await step("base images", () => bringUpBaseImages(context, engine));
  const podman = await step("podman", () => bringUpPodman(context, engine));
  if (options.forTests === true) await step("sshd", () => provideSshd(context));
  const rig: Rig = { engine, registry, podman, ...standins, installed: readMade(paths).installed };
  writeWhole(paths.rigFile, `${JSON.stringify(rig, null, 2)}\n`);
  return rig;
}

/** Only for tests, which leave things behind; and only in an engine of ours that was there before. */
async function tidy(engine: RigEngine, { signal }: UpOptions): Promise<readonly [string, undefined]> {
  const { containers, images, cache, complete } = await tidyEngine(engine, signal === undefined ? {} : { signal });
  const done = `${containers} old containers, ${images} old images, ${Math.round(cache / 1e6)} MB of cache removed`;
  return [complete ? done : `${done}; the rest is for the next time`, undefined];
}

/** The named engine, then our own, then the usual places; else why there is none and whether one can be started. */
async function findOrPlanEngine({
  paths,
  options,
}: Context): Promise<{ readonly running: RigEngine | undefined; readonly plan: string }> {
  const own = `unix://${paths.engineSocket}`;
  const notOurs = (candidate: { readonly host: string }): boolean => candidate.host !== own;
  const named = await firstThatAnswers(namedCandidates(options.environment).filter(notOurs), options.signal);
  if (named.found !== undefined) return { running: asFound(named.found), plan: "" };
  const ours = await findRigEngine(paths, options.signal);
  if (ours !== undefined) return { running: { ...ours, private: true }, plan: "" };
  const usual = await firstThatAnswers(usualCandidates(options.environment), options.signal);
  if (usual.found !== undefined) return { running: asFound(usual.found), plan: "" };
  const obstacle = privateEngineObstacle();
  if (obstacle !== undefined) {
    throw new RigError(
      `no engine answers (${[...named.tried, ...usual.tried].join("; ")}), and ${obstacle}`,
      "Start Docker or Podman, or name one that runs with DOCKER_HOST.",
      { unavailable: true },
    );
  }
  // What the user named and does not answer is worth a word; that the usual places are empty is not.
  const deaf = named.tried.length > 0 ? ` (${named.tried.join("; ")})` : "";
  return { running: undefined, plan: `none answers${deaf}: one of our own will be started` };
}

/** busybox only serves for the stand-ins: where it may not be installed, the rig is still good without. */
async function whatIsNeeded(needs: readonly Need[], mayInstall: boolean): Promise<readonly Need[]> {
  if (mayInstall && process.platform === "linux") return needs;
  const without = needs.filter((need) => need !== "busybox");
  return (await findProgram("busybox")) === undefined ? without : needs;
}

async function bringUpRegistry({ paths }: Context, engine: RigEngine): Promise<readonly [string, RigRegistry]> {
  const running = await findRigRegistry(paths);
  const registry = running ?? (await startRigRegistry(paths));
  if (engine.kind === "docker") await checkThatEngineReaches(engine, registry);
  // Docker takes plain HTTP from loopback; Podman has to be told, in a file that is the user's.
  const hint = engine.kind === "podman" ? "; Podman pushes to it if registries.conf calls it insecure" : "";
  return [`${registry.host} (process ${registry.pid}${running === undefined ? ", started" : ""})${hint}`, registry];
}

/** A remote engine, or one in a virtual machine, has another loopback than ours: better said here than in each test. */
async function checkThatEngineReaches(engine: RigEngine, registry: RigRegistry): Promise<void> {
  const password = readFileSync(registry.passwordFile, "utf8");
  const answer = await engineRequest(engine.host, "POST", "/auth", {
    headers: { "content-type": "application/json", "user-agent": "container-kit-testkit" },
    body: JSON.stringify({ username: registry.username, password, serveraddress: registry.host }),
  });
  if (answer.status === 200) return;
  throw new RigError(
    `the engine at ${engine.host} cannot sign in to the registry at ${registry.host}: ${answer.text.trim().slice(0, 300)}`,
    "Use an engine that shares this machine's loopback: unset DOCKER_HOST, or run the set-up where the engine runs.",
  );
}

async function bringUpBaseImages(
  { paths, options }: Context,
  engine: RigEngine,
): Promise<readonly [string, Pick<Rig, "config" | "standins">]> {
  const standin = await ensureNodeStandin(engine.host, paths);
  if (standin?.fresh === true) {
    const images = readMade(paths).images.filter((made) => made.image !== standin.image || made.host !== engine.host);
    recordMade(paths, { images: [...images, { host: engine.host, image: standin.image }] });
  }
  options.signal?.throwIfAborted();
  const pulls = await canPull(engine.host, paths);
  const config = writeBaseImageMap(paths, standin, pulls);
  const standins: Standin[] = [];
  if (standin !== undefined) standins.push({ image: standin.image, of: standin.of, node: standin.node });
  return [describeBaseImages(pulls, standin), { config, standins }];
}

/** Podman is a second engine: without it tests are skipped aloud, and the rig is good all the same. */
async function bringUpPodman(
  { paths, options }: Context,
  engine: RigEngine,
): Promise<readonly [string, Rig["podman"]]> {
  if (engine.kind === "podman") return ["is the engine", { absent: "it is the engine already" }];
  try {
    const running = await findRigPodman(paths, options.signal);
    if (running === undefined && options.forTests !== true) return ["only for tests", { absent: "run: npm test" }];
    const podman = running ?? (await installAndStartPodman({ paths, options }));
    await ensureNodeStandin(podman.host, paths);
    return [describe(podman), podman];
  } catch (error) {
    if (!(error instanceof RigError)) throw error;
    return [`none: ${error.message}`, { absent: error.message }];
  }
}

async function installAndStartPodman({ paths, options }: Context): Promise<RigEngine> {
  const obstacle = privateEngineObstacle();
  if (obstacle !== undefined) throw new RigError(obstacle, "Run the tests as root on Linux.", { unavailable: true });
  await ensurePrograms(paths, ["podman"], options);
  return startRigPodman(paths, options.signal);
}

/** sshd is for one test's own use; nothing of it is started here. */
async function provideSshd({ paths, options }: Context): Promise<readonly [string, undefined]> {
  // systemd would start a service of that package at the next boot, which nobody asked for.
  if ((await findProgram("sshd")) === undefined && existsSync("/run/systemd/system")) {
    return ["none: where systemd runs, openssh-server is yours to install", undefined];
  }
  try {
    const added = await ensurePrograms(paths, ["sshd"], options);
    return [added.length === 0 ? "is there" : `installed ${added.join(" ")}`, undefined];
  } catch (error) {
    if (!(error instanceof RigError)) throw error;
    return [`none: ${error.message}`, undefined];
  }
}

function describeBaseImages(pulls: boolean, standin: (Standin & { readonly fresh: boolean }) | undefined): string {
  if (pulls) return "the engine can pull: no stand-ins in use";
  if (standin === undefined) return "cannot be pulled, and there is no busybox to make stand-ins with";
  const state = standin.fresh ? "made" : "is there";
  return `cannot be pulled; ${standin.image} ${state} (this machine's Node ${standin.node})`;
}

function asFound(engine: FoundEngine): RigEngine {
  return { ...engine, private: false };
}

function describe(engine: RigEngine): string {
  return `${engine.kind} ${engine.version} at ${engine.host} (${engine.reason})`;
}

function stepsFor({ onStep, signal }: UpOptions): Step {
  return async (name, work) => {
    signal?.throwIfAborted();
    const start = performance.now();
    const [detail, value] = await work();
    onStep?.({ name, detail, ms: performance.now() - start });
    return value;
  };
}
