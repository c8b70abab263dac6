import type { OperationOptions, Via } from "../types.ts";

/** How an image is built. */
export interface BuildOptions extends OperationOptions {
  /**
   * The longest silence of the engine that is taken for work, in milliseconds, whatever it does. Where none is given,
   * it is 120,000 between steps; while a step runs, which may print nothing for long, the engine is asked that often
   * whether it still answers.
   */
  readonly inactivityMs?: number;
  /** References to tag the result with; at least one. */
  readonly tags: readonly string[];
  /** Path of the Dockerfile, relative to the context; `Dockerfile` by default. */
  readonly dockerfile?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly platform?: string;
  readonly noCache?: boolean;
  /** Asks the registry for newer base images. */
  readonly pull?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** Images whose layers may serve as cache; with BuildKit they must carry inline cache. */
  readonly cacheFrom?: readonly string[];
  /**
   * What `RUN --mount=type=secret,id=…` may read; BuildKit only (UNSUPPORTED elsewhere). Never in history or argument,
   * and masked where a step prints one.
   */
  readonly secrets?: readonly BuildSecret[];
  /**
   * Labels of the OCI image specification (source, revision, created, base.name, base.digest) that are added where
   * neither the caller nor the Dockerfile gives one of that name and the value is known; true by default. `created` is
   * SOURCE_DATE_EPOCH of the environment, else now: with it an unchanged tree gives the same image again.
   */
  readonly ociLabels?: boolean;
  /** Folders beyond which no repository is looked for, to tell source and revision; the context's own parents by default. */
  readonly roots?: readonly string[];
  /**
   * Receives every line that the build prints, with its secrets masked: the values of `secrets`, and of arguments and
   * variables that look like one.
   */
  readonly onLog?: (line: string) => void;
}

/** A secret that steps of a build may read, and where it is. */
export interface BuildSecret {
  readonly id: string;
  /** `env:NAME` (of the engine's environment) or `file:PATH` (relative to the working directory); 500 KiB at most. */
  readonly from: string;
}

/** One instruction of a build that was carried out or found in the cache. */
export interface BuildStep {
  readonly index: number;
  readonly instruction: string;
  readonly durationMs: number;
  readonly cached: boolean;
}

/** A base image that was built on in place of the one that the Dockerfile names. */
export interface BaseImageReplacement {
  readonly named: string;
  readonly used: string;
}

/** What a build came to, as the engine shows it. */
export interface BuildResult {
  readonly imageId: string;
  /** Read back from the engine. */
  readonly tags: readonly string[];
  readonly size: number;
  readonly layers: number;
  readonly steps: readonly BuildStep[];
  readonly warnings: readonly string[];
  readonly baseImages: readonly BaseImageReplacement[];
  readonly builder: "buildkit" | "classic";
  readonly via: Via;
  /** What the context weighed and held. */
  readonly context: { readonly files: number; readonly bytes: number };
}
