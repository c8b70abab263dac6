import { basename } from "node:path";
import type { ToolSuccess } from "@container-kit/atomic-runtime";
import { formatBytes, formatDuration } from "../text/amounts.ts";
import { defaultImage } from "./default-image.ts";
import { StageFailure } from "./stage-failure.ts";
import { factsOf, listOf, numberOf, textOf, sentencesOf } from "./facts.ts";
import type { Facts } from "./facts.ts";
import type { JobOptions, StageName, StageStatus } from "./types.ts";

/** What the stages of one job know together. */
export interface JobState {
  readonly options: JobOptions;
  readonly warnings: string[];
  image: string | null;
  imageId: string | null;
  digest: string | null;
  size: number | null;
  layers: number | null;
  port: number | undefined;
  /** A route that tells health. */
  healthPath: string | undefined;
  /** The module that is taken, where there are several. */
  module: string | undefined;
  /** The arguments that the Dockerfile's tool proposes for the build. */
  build: Facts;
}

/** Calls a tool in the job's session. @throws StageFailure */
export type CallTool = (tool: string, input: Facts) => Promise<ToolSuccess>;

/** What a stage says when it ends. */
export interface StageEnd {
  readonly status?: Extract<StageStatus, "done" | "unmet" | "skipped">;
  readonly reason?: string;
  readonly summary?: string;
  readonly outcome?: ToolSuccess;
}

/** One stage of the main job. */
export interface Stage {
  readonly name: StageName;
  /** What it does, for the plan. */
  readonly title: string;
  /** Why it does not run, as far as the options say. */
  planned?(options: JobOptions): { readonly status: "skipped" | "absent"; readonly reason: string } | undefined;
  run(state: JobState, call: CallTool): Promise<StageEnd>;
}

const DRY_RUN = { status: "skipped", reason: "dry run" } as const;

const analyze: Stage = {
  name: "analyze",
  title: "see what the repository is",
  async run(state, call) {
    const { path, image } = state.options;
    let outcome: ToolSuccess;
    try {
      outcome = await call("analyze_repository", { path });
    } catch (error) {
      if (!(error instanceof StageFailure) || error.outcome.error.code !== "UNSUPPORTED") throw error;
      // A Dockerfile that is there serves any platform: the next stage finds out whether there is one.
      state.image = image ?? defaultImage({ name: undefined, version: undefined }, basename(path));
      return { status: "skipped", reason: error.message };
    }
    const modules = listOf(outcome.result, "modules");
    const first = mostRunnable(modules);
    state.warnings.push(...sentencesOf(outcome.result, "warnings"));
    if (modules.length > 1) {
      // A Dockerfile at the root is for the whole repository; a module would pass it over.
      const hasOwn = sentencesOf(factsOf(outcome.result, "existing"), "dockerfiles").includes("Dockerfile");
      state.module = hasOwn ? undefined : textOf(first, "path");
      const others = modules.filter((module) => module !== first).map((module) => textOf(module, "path") ?? "?");
      state.warnings.push(
        `Only ${textOf(first, "path") ?? "the first module"} is taken; there is also ${others.join(", ")}.`,
      );
    }
    const ports = listOf(first, "ports");
    state.port = ports[0] === undefined ? undefined : numberOf(ports[0], "port");
    state.healthPath = textOf(first, "healthPath");
    state.image = image ?? defaultImage(identityOf(first), basename(path));
    const words = [textOf(first, "platform"), textOf(first, "framework"), textOf(first, "packageManager")];
    const port = state.port === undefined ? "no port found" : `port ${state.port}`;
    return { outcome, summary: [...words.filter((word) => word !== undefined), port].join(", ") };
  },
};

const dockerfile: Stage = {
  name: "dockerfile",
  title: "write the Dockerfile, or take the one that is there",
  async run(state, call) {
    const { path, dryRun } = state.options;
    const { module } = state;
    const outcome = await call("generate_dockerfile", {
      path,
      write: true,
      ...(module === undefined ? {} : { module }),
      ...(dryRun ? { dryRun } : {}),
    });
    state.build = outcome.next.find(({ tool }) => tool === "build_image")?.arguments ?? {};
    state.warnings.push(...sentencesOf(outcome.result, "warnings"));
    const strategy = textOf(factsOf(outcome.result, "strategy"), "name") ?? "unknown";
    const score = numberOf(outcome.result, "score");
    const where = textOf(factsOf(outcome.result, "dockerfile"), "path") ?? "Dockerfile";
    const scored = score === undefined ? "" : `, score ${score} of 100`;
    return { outcome, summary: `${where} by strategy ${strategy}${scored}` };
  },
};

const build: Stage = {
  name: "build",
  title: "build the image",
  planned: ({ dryRun }) => (dryRun ? DRY_RUN : undefined),
  async run(state, call) {
    const image = state.image as string;
    const outcome = await call("build_image", { context: state.options.path, ...state.build, tags: [image] });
    const { result } = outcome;
    state.imageId = textOf(result, "imageId") ?? null;
    state.size = numberOf(result, "size") ?? null;
    state.layers = numberOf(result, "layers") ?? null;
    state.warnings.push(...sentencesOf(result, "warnings"));
    const cached = listOf(result, "steps").filter((step) => step["cached"] === true).length;
    return { outcome, summary: `${image}, ${listOf(result, "steps").length} steps, ${cached} from the cache` };
  },
};

const probe: Stage = {
  name: "probe",
  title: "run the image hardened for a moment and ask it",
  planned: ({ dryRun }) => (dryRun ? DRY_RUN : undefined),
  async run(state, call) {
    state.port ??= await exposedPort(call, state.image);
    if (state.port === undefined) return { status: "skipped", reason: "no port was found to ask" };
    const { image, port, healthPath } = state;
    const outcome = await call("probe_image", {
      image,
      port,
      ...(healthPath === undefined ? {} : { path: healthPath }),
    });
    const { result } = outcome;
    const user = textOf(result, "user") ?? "root";
    if (result["answered"] === true) {
      const took = formatDuration(numberOf(result, "durationMs") ?? outcome.durationMs);
      return {
        outcome,
        summary: `answered ${String(result["status"])} at ${state.healthPath ?? "/"} on port ${state.port} after ${took}, as user ${user}`,
      };
    }
    const problem = textOf(result, "problem") ?? "it did not answer";
    state.warnings.push(`The image did not answer when it ran alone: ${problem}.`);
    return { status: "unmet", outcome, summary: `did not answer: ${problem}` };
  },
};

const inspect: Stage = {
  name: "inspect",
  title: "read the image back from the engine",
  planned: ({ dryRun }) => (dryRun ? DRY_RUN : undefined),
  async run(state, call) {
    const outcome = await call("inspect_image", { image: state.image });
    const { result } = outcome;
    const layers = result["layers"];
    state.imageId = textOf(result, "imageId") ?? state.imageId;
    state.size = numberOf(result, "size") ?? state.size;
    state.layers = Array.isArray(layers) ? layers.length : state.layers;
    const user = textOf(factsOf(result, "config"), "user") ?? "root";
    return { outcome, summary: `${formatBytes(state.size ?? 0)} in ${state.layers ?? 0} layers, user ${user}` };
  },
};

const scan: Stage = {
  name: "scan",
  title: "look for known vulnerabilities",
  planned: ({ scan: wanted }) =>
    wanted
      ? { status: "absent", reason: "not part of this version" }
      : { status: "skipped", reason: "not wanted (--no-scan)" },
  run: () => Promise.resolve({}),
};

const tag: Stage = {
  name: "tag",
  title: "tag it for the registry",
  planned: ({ push: target, image, dryRun }) => {
    if (target === undefined) return { status: "skipped", reason: "no --push" };
    if (target === image) return { status: "skipped", reason: "the image has this name already" };
    return dryRun ? DRY_RUN : undefined;
  },
  async run(state, call) {
    const target = state.options.push as string;
    // The tag that an earlier run of this command left behind may move: whoever repeats the command wants that.
    const outcome = await call("tag_image", { source: state.image, target, force: true });
    return { outcome, summary: target };
  },
};

const push: Stage = {
  name: "push",
  title: "push it and read its digest back from the registry",
  planned: ({ push: target, dryRun }) => {
    if (target === undefined) return { status: "skipped", reason: "no --push" };
    return dryRun ? DRY_RUN : undefined;
  },
  async run(state, call) {
    const outcome = await call("push_image", { image: state.options.push });
    state.digest = textOf(outcome.result, "digest") ?? null;
    state.warnings.push(...sentencesOf(outcome.result, "warnings"));
    const moved = textOf(outcome.result, "tagDigest");
    if (moved !== undefined) state.warnings.push(`The tag points to ${moved} now: somebody else has moved it since.`);
    const layers = factsOf(outcome.result, "layers");
    const existing = numberOf(layers, "existing") ?? 0;
    const sent = `${formatBytes(numberOf(outcome.result, "bytes") ?? 0)} sent`;
    return { outcome, summary: `${sent}, ${existing} of ${numberOf(layers, "total") ?? 0} layers were there` };
  },
};

/** The main job, stage by stage. */
export const STAGES: readonly Stage[] = [analyze, dockerfile, build, probe, inspect, scan, tag, push];

function identityOf(module: Facts): { name: string | undefined; version: string | undefined } {
  return { name: textOf(module, "name"), version: textOf(module, "version") };
}

/** The first port that the image itself names, where the source did not tell one. */
async function exposedPort(call: CallTool, image: string | null): Promise<number | undefined> {
  const { result } = await call("inspect_image", { image });
  const [first = ""] = sentencesOf(factsOf(result, "config"), "exposedPorts");
  const port = Number.parseInt(first, 10);
  return Number.isNaN(port) ? undefined : port;
}

/** The module that a person means who names a whole repository: one that listens, a site, one that starts at all. */
function mostRunnable(modules: readonly Facts[]): Facts {
  const ofKind = (kind: string) => modules.find((module) => module["kind"] === kind);
  const starts = modules.find((module) => textOf(module, "startCommand") !== undefined);
  return ofKind("server") ?? ofKind("static") ?? starts ?? modules[0] ?? {};
}
