/**
 * Image references, engines, builds, registries and credentials, with every success read back.
 *
 * @packageDocumentation
 */

// References: text to parts and back, and what docker means by a short name.
export { formatReference, isImageId, parseReference } from "./reference/parse.ts";
export type { ImageReference } from "./reference/parse.ts";
export { normalizeReference, withDefaultTag } from "./reference/normalize.ts";
export type { NormalizedReference } from "./reference/normalize.ts";

// The engine: found as the docker CLI finds it; its operations are on the `Engine`.
export { connectEngine } from "./engine/connect.ts";
export type { ConnectOptions } from "./engine/options.ts";
export type { EngineProfile } from "./engine/profile.ts";
export type { EngineEndpoint } from "./endpoint/types.ts";
export { DEADLINES } from "./wire/deadline.ts";
export type {
  Engine,
  HistoryEntry,
  ImageDetails,
  ImageSummary,
  LayerCount,
  LoadResult,
  OperationOptions,
  ProbeOptions,
  ProbeResult,
  Progress,
  PullOptions,
  PullResult,
  PushOptions,
  PushResult,
  RemoveOptions,
  RemoveResult,
  TagOptions,
  TagPlan,
  TagResult,
  Freshness,
  LoginOptions,
  LoginResult,
  Via,
} from "./types.ts";
export type { BaseImageReplacement, BuildOptions, BuildResult, BuildSecret, BuildStep } from "./build/types.ts";
export type { EngineIdentity } from "./engine/identity.ts";
export type { EngineMetrics, OperationMetrics, OperationName } from "./engine/metrics.ts";

// The build context, for those who must know what would be sent before it is.
export { resolveContext } from "./context/resolve-context.ts";
export type { BuildContext } from "./context/resolve-context.ts";

// Many operations at once.
export { runBatch } from "./batch.ts";
export type { BatchOptions, BatchOutcome } from "./batch.ts";

// Credentials: named by the caller, or where the docker configuration keeps them; and whether a registry accepts them.
export { parseCredentialReference } from "./credentials/reference.ts";
export type { CredentialReference } from "./credentials/reference.ts";
export { checkRegistryLogin } from "./registry/check-registry-login.ts";
export type { RegistryLoginOptions } from "./registry/check-registry-login.ts";
export { resolveCredential } from "./credentials/resolve.ts";
export type { ResolveOptions } from "./credentials/resolve.ts";
export type { Credential } from "./credentials/types.ts";
export { readDockerConfig } from "./credentials/config-file.ts";
export type { DockerConfig } from "./credentials/config-file.ts";

// Errors: the codes that this package adds.
export { dockerErrors } from "./errors.ts";
export type { DockerErrorCode } from "./errors.ts";
