/**
 * Pushes an image, and reports it only when the registry shows it.
 *
 * - U1  Exactly the named reference goes out, to exactly that repository.
 * - U2  An error record fails the push, wherever in the stream it stands.
 * - U3  Success is a 200 of the registry to a manifest request by the digest that was pushed; the digest that is
 *       reported is the registry's.
 * - U4  A push that fails takes back the name that it gave the image for the push.
 */
import { isKitError } from "@container-kit/errors";
import { registryAuthHeader } from "../credentials/auth-header.ts";
import type { Credential } from "../credentials/types.ts";
import type { EngineContext } from "../engine/context.ts";
import { withDeadline } from "../engine/deadline.ts";
import { engineMessageError } from "../engine/engine-error.ts";
import { errorOf, readProgress } from "../engine/progress-stream.ts";
import type { ProgressRecord } from "../engine/progress-stream.ts";
import type { Transport } from "../engine/transport.ts";
import { fail } from "../errors.ts";
import { normalizeReference, withDefaultTag } from "../reference/normalize.ts";
import type { NormalizedReference } from "../reference/normalize.ts";
import { findManifest } from "../registry/manifest.ts";
import type { PushOptions, PushResult } from "../types.ts";
import { inspectImage } from "./inspect.ts";
import { trackLayers } from "./layer-progress.ts";
import { removeImage } from "./store.ts";
import { tagImage } from "./tag.ts";

export function pushImage(context: EngineContext, image: string, options: PushOptions): Promise<PushResult> {
  return withDeadline("push", options, (signal) => runPush(context, image, options, signal));
}

async function runPush(
  context: EngineContext,
  image: string,
  options: PushOptions,
  signal: AbortSignal,
): Promise<PushResult> {
  const { transport } = context;
  const source = pushable(image);
  const reference = options.target === undefined ? source : pushable(options.target);
  await inspectImage(transport, source.familiar, signal);
  if (reference.canonical === source.canonical)
    return { ...(await transferAndVerify(context, reference, options, signal)), replaced: null };
  const { replaced } = await tagImage(transport, source.familiar, reference.familiar, { force: true, signal });
  try {
    return { ...(await transferAndVerify(context, reference, options, signal)), replaced };
  } catch (error) {
    // That the name could not be taken back must not hide why the push failed.
    await restoreTag(transport, reference.familiar, replaced).catch(() => undefined);
    throw error;
  }
}

async function transferAndVerify(
  context: EngineContext,
  reference: NormalizedReference,
  { onProgress }: PushOptions,
  signal: AbortSignal,
): Promise<Omit<PushResult, "replaced">> {
  const { transport } = context;
  const credential = await context.resolveCredential(reference.registry, signal);
  const tracker = trackLayers("pushing");
  const pushed = await transfer({ transport, reference, credential, signal }, (record) => {
    const progress = tracker.observe(record);
    if (progress !== null) onProgress?.(progress);
  });
  const asked = pushed === "" ? reference.familiar : pushed;
  onProgress?.({ phase: "verifying", message: `asking ${reference.registry} for ${asked}` });
  const digest = await readBack(context, reference, credential, { pushed, signal });
  return {
    image: reference.familiar,
    digest,
    verified: true,
    bytes: tracker.bytes(),
    layers: tracker.layers(),
    warnings: [],
    via: context.via,
  };
}

const RESTORE_MS = 10_000;

/** U4. The push's own signal may be aborted already, so this has one of its own. */
async function restoreTag(transport: Transport, target: string, replaced: string | null): Promise<void> {
  const signal = AbortSignal.timeout(RESTORE_MS);
  if (replaced === null) await removeImage(transport, target, { force: false, signal });
  else await tagImage(transport, replaced, target, { force: true, signal });
}

/** A push names a tag: a digest is what comes out of it. */
function pushable(image: string): NormalizedReference {
  const reference = withDefaultTag(normalizeReference(image));
  if (reference.digest === undefined) return reference;
  throw fail("INVALID_REFERENCE", `${image} has a digest, and a push goes to a tag`, {
    details: { reference: image },
    remedy: "Name the tag without a digest; the result tells the digest that the registry holds.",
  });
}

interface Transfer {
  readonly transport: Transport;
  readonly reference: NormalizedReference;
  readonly credential: Credential;
  readonly signal: AbortSignal;
}

/** @returns the digest that the engine says it pushed, or "" where the engine does not tell (Podman) */
async function transfer(
  { transport, reference, credential, signal }: Transfer,
  observe: (record: ProgressRecord) => void,
): Promise<string> {
  const operation = `the push of ${reference.familiar}`;
  const stream = await transport.stream({
    method: "POST",
    path: `/images/${reference.registry}/${reference.repository}/push`,
    query: { tag: reference.tag },
    registryAuth: registryAuthHeader(credential),
    signal,
    operation,
    registry: true,
  });
  let digest = "";
  for await (const record of readProgress(stream, { operation, signal })) {
    const error = errorOf(record);
    if (error !== null) {
      const details = {
        reference: reference.familiar,
        registry: reference.registry,
        credentialSource: credential.source,
      };
      throw engineMessageError(error, { operation, registry: true, stage: "transfer", details });
    }
    digest = pushedDigest(record) ?? digest;
    observe(record);
  }
  return digest;
}

/** moby ends a push with `aux {Tag, Digest, Size}`, and with a status line that says the same. */
function pushedDigest({ aux, status }: ProgressRecord): string | null {
  if (typeof aux === "object" && aux !== null && "Digest" in aux && typeof aux.Digest === "string") return aux.Digest;
  return /\bdigest: (sha256:[a-f0-9]{64})\b/.exec(status ?? "")?.[1] ?? null;
}

interface ReadBackParts {
  readonly pushed: string;
  readonly signal: AbortSignal;
}

async function readBack(
  context: EngineContext,
  reference: NormalizedReference,
  credential: Credential,
  { pushed, signal }: ReadBackParts,
): Promise<string> {
  const { registry, repository } = reference;
  const insecure = await context.isInsecure(registry, signal);
  const asked = pushed === "" ? (reference.tag ?? "latest") : pushed;
  const details = { reference: reference.familiar, pushed, registry };
  const found = await findManifest({ registry, repository, reference: asked, credential, signal, insecure }).catch(
    (cause: unknown) => {
      // The engine has pushed; that we may not look, or cannot, says nothing about its credentials.
      if (signal.aborted || !isKitError(cause)) throw cause;
      throw fail(
        "PUSH_UNVERIFIED",
        `the engine says that it pushed ${reference.familiar}, and the registry cannot be asked: ${cause.message}`,
        {
          cause,
          stage: "read-back",
          details,
        },
      );
    },
  );
  if (found === null) {
    throw fail("PUSH_UNVERIFIED", `${registry} has no manifest ${asked} of ${repository} after the push`, {
      stage: "read-back",
      details,
    });
  }
  if (found.digest === "")
    throw fail("PUSH_UNVERIFIED", `${registry} does not tell the digest of ${reference.familiar}`, {
      stage: "read-back",
      details,
    });
  if (pushed !== "" && found.digest !== pushed) {
    throw fail("DIGEST_MISMATCH", `${pushed} was pushed and ${registry} answers with ${found.digest}`, {
      stage: "read-back",
      details: { ...details, found: found.digest },
    });
  }
  return found.digest;
}
