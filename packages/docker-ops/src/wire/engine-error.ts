/**
 * Turns what an engine says, in prose and status codes, into our codes. This is the only place that reads an engine's
 * prose; each row cites where the text comes from.
 */
import { isKitError } from "@container-kit/errors";
import { fail } from "../errors.ts";
import type { DockerErrorCode } from "../errors.ts";

/** A row: the first that matches gives the code. */
type Row = readonly [RegExp, DockerErrorCode];

/** Texts that may come with any operation. */
const ANYWHERE: readonly Row[] = [[/no space left on device|disk quota exceeded/i, "ENGINE_DISK_FULL"]];

/** Texts of a registry as the engine relays them (moby distribution/errors.go, containerd remotes, Podman's copy). */
const REGISTRY: readonly Row[] = [
  // A registry hides a private repository as missing; docker's own sentence covers both, so this row stands before "denied".
  [
    /pull access denied|repository does not exist|manifest unknown|manifest for .{1,600} not found|name unknown|not found: manifest|(?:docker|registry)[^ ]{0,300}: not found/i,
    "IMAGE_NOT_FOUND",
  ],
  // A platform that is not published: moby `distribution/pull_v2.go` and `daemon/images`, containers/image.
  [
    /no matching manifest for |does not match the specified platform|no image found in (?:manifest list|image index) for/i,
    "IMAGE_NOT_FOUND",
  ],
  // moby `reference/store.go`: the digest of a list is one image's for good.
  [/cannot overwrite digest/i, "CONFLICT"],
  [/does not exist locally|no such image|image not known/i, "IMAGE_NOT_FOUND"],
  [/toomanyrequests|too many requests|rate limit|\b429\b/i, "REGISTRY_RATE_LIMITED"],
  [
    /unauthorized|authentication required|no basic auth credentials|incorrect username or password|\b401\b/i,
    "AUTH_FAILED",
  ],
  [/\bdenied\b|forbidden|insufficient_scope|\b403\b/i, "REGISTRY_DENIED"],
  [/x509|certificate|tls: |server gave HTTP response to HTTPS client/i, "REGISTRY_TLS"],
  [
    /digest (?:mismatch|did not match|invalid)|(?:filesystem layer|manifest|config) verification failed/i,
    "DIGEST_MISMATCH",
  ],
  [
    /connection refused|no such host|i\/o timeout|network is unreachable|no route to host|dial tcp|connection reset|client\.timeout|tls handshake timeout|unexpected eof|: eof\b|\b50[0234]\b|bad gateway|service unavailable|blob upload|error parsing HTTP \d+ response body|received unexpected HTTP status/i,
    "REGISTRY_UNAVAILABLE",
  ],
];

export interface EngineErrorContext {
  /** What was done, e.g. `push of r:5000/app:1`. */
  readonly operation: string;
  /** Whether a registry took part. */
  readonly registry?: boolean;
  readonly stage?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly logTail?: string;
  /** What to do where the registry does not accept the credential, and signing in would not help. */
  readonly authRemedy?: string | undefined;
}

/** The error for a message that the engine gave in a stream or a body. */
export function engineMessageError(
  message: string,
  context: EngineErrorContext,
  fallback: DockerErrorCode = "ENGINE_ERROR",
  cause?: unknown,
): Error {
  const rows = context.registry === true ? [...ANYWHERE, ...REGISTRY] : ANYWHERE;
  const code = rows.find(([pattern]) => pattern.test(message))?.[1] ?? fallback;
  return fail(code, `${context.operation} failed: ${oneLine(message)}`, {
    ...(cause === undefined ? {} : { cause }),
    ...extras(context),
    ...(code === "AUTH_FAILED" && context.authRemedy !== undefined ? { remedy: context.authRemedy } : {}),
  });
}

/** The engine answered with an error status. */
export class EngineStatusError extends Error {
  readonly status: number;
  /** What was answered, in words. */
  readonly words: string;
  /** The words are the engine's; else they are of something in between, e.g. a proxy's page. */
  readonly isOwn: boolean;

  constructor(status: number, body: string) {
    super(`the engine answered ${status}`);
    this.name = "EngineStatusError";
    this.status = status;
    const own = ownWords(body);
    this.words = own ?? body;
    this.isOwn = own !== null;
  }
}

/** `{"message": …}` as the Engine API has it; null for anything else. */
function ownWords(body: string): string | null {
  try {
    const json: unknown = JSON.parse(body);
    if (typeof json === "object" && json !== null && "message" in json && typeof json.message === "string")
      return json.message;
  } catch {
    // Not JSON, so not the engine's.
  }
  return null;
}

/** The error for a call that did not go well: a status of the engine, or a connection that failed. */
export function engineCallError(cause: unknown, context: EngineErrorContext): Error {
  if (isKitError(cause)) return cause;
  if (cause instanceof EngineStatusError) return statusError(cause, context);
  return connectionError(cause, context);
}

/** moby `daemon/container.go`, `daemon/logs.go`, `daemon/delete.go`; Podman. */
const CONTAINER_GONE =
  /no such container|no container with name or id|dead or marked for removal|removal of container .{1,200} is already in progress/i;

function statusError(error: EngineStatusError, given: EngineErrorContext): Error {
  // Only the engine's own words can tell of a registry: a proxy's "bad gateway" is about the engine.
  const context = error.isOwn ? given : { ...given, registry: false };
  const message = error.words.trim() === "" ? error.message : error.words;
  const text = `${context.operation} failed: ${oneLine(message)}`;
  const more = { cause: error, ...extras(context) };
  if (CONTAINER_GONE.test(message)) {
    const remedy = "Call again; something else removed the container while it was in use.";
    return fail("ENGINE_ERROR", text, { ...more, remedy });
  }
  if (/no such image|image not known/i.test(message)) return fail("IMAGE_NOT_FOUND", text, more);
  switch (error.status) {
    case 401:
    case 403:
      return context.registry === true
        ? engineMessageError(message, context, "AUTH_FAILED", error)
        : fail("ENGINE_FORBIDDEN", text, more);
    case 404:
      return fail("IMAGE_NOT_FOUND", text, more);
    case 409:
      return fail("CONFLICT", text, more);
    default:
      return engineMessageError(message, context, "ENGINE_ERROR", error);
  }
}

/** System error codes of a connection, and what each means for an engine. */
const CONNECTION: Readonly<Record<string, DockerErrorCode>> = {
  ENOENT: "ENGINE_UNAVAILABLE",
  ECONNREFUSED: "ENGINE_UNAVAILABLE",
  EHOSTUNREACH: "ENGINE_UNAVAILABLE",
  ENETUNREACH: "ENGINE_UNAVAILABLE",
  ENOTFOUND: "ENGINE_UNAVAILABLE",
  EAI_AGAIN: "ENGINE_UNAVAILABLE",
  ETIMEDOUT: "ENGINE_UNAVAILABLE",
  EACCES: "ENGINE_FORBIDDEN",
  EPERM: "ENGINE_FORBIDDEN",
  ENOTSOCK: "ENGINE_BAD_ENDPOINT",
  ENOTDIR: "ENGINE_BAD_ENDPOINT",
  EISDIR: "ENGINE_BAD_ENDPOINT",
  EINVAL: "ENGINE_BAD_ENDPOINT",
  ECONNRESET: "ENGINE_RESTARTED",
  EPIPE: "ENGINE_RESTARTED",
  ERR_STREAM_PREMATURE_CLOSE: "ENGINE_RESTARTED",
};

/** Codes of node's TLS: of OpenSSL's verification, of the handshake, and alerts of the other side. */
const TLS = /CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME|^ERR_SSL_|^ERR_TLS_|^EPROTO$/;

function connectionError(cause: unknown, context: EngineErrorContext): Error {
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : "";
  const message = cause instanceof Error ? cause.message : "the connection failed";
  if (TLS.test(code)) {
    return fail("ENGINE_BAD_ENDPOINT", `${context.operation} failed: TLS with the engine: ${oneLine(message)}`, {
      cause,
      remedy: "Check the certificates in DOCKER_CERT_PATH or the docker context, and that they are this engine's.",
    });
  }
  const kind: DockerErrorCode = CONNECTION[code] ?? (code.startsWith("HPE_") ? "ENGINE_PROTOCOL" : "ENGINE_ERROR");
  return fail(kind, `${context.operation} failed: ${oneLine(message)}`, { cause, ...extras(context) });
}

function extras({ stage, details, logTail }: EngineErrorContext): {
  stage?: string;
  details?: Readonly<Record<string, unknown>>;
  logTail?: string;
} {
  return {
    ...(stage === undefined ? {} : { stage }),
    ...(details === undefined ? {} : { details }),
    ...(logTail === undefined ? {} : { logTail }),
  };
}

/** The message of an error is one sentence on one line, and not a book; what a terminal would act on is left out. */
export function oneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return line.length > 600 ? `${line.slice(0, 600)}…` : line;
}
