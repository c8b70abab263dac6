import { engineRequest } from "./engine-request.ts";
import { RigError } from "./rig-error.ts";
import type { EngineRequestOptions } from "./engine-request.ts";

/** A root file system on its way into an engine. */
export interface ImageImport {
  /** A tar archive. */
  readonly archive: NonNullable<EngineRequestOptions["body"]>;
  /** `repository:tag` that the image gets. */
  readonly reference: string;
  /** Dockerfile instructions that set its configuration, e.g. `CMD ["sh"]`. */
  readonly changes?: readonly string[];
}

/** Makes an image of a root file system, without a registry and without a build. Returns the image's id. */
export async function importImage(host: string, { archive, reference, changes = [] }: ImageImport): Promise<string> {
  const query = new URLSearchParams({ fromSrc: "-" });
  for (const change of changes) query.append("changes", change);
  const answer = await engineRequest(host, "POST", `/images/create?${query.toString()}`, {
    body: archive,
    headers: { "content-type": "application/x-tar" },
    deadlineMs: 180_000,
  });
  const imageId = /"status":\s*"((?:sha256:)?[0-9a-f]{64})/.exec(answer.text)?.[1];
  if (answer.status !== 200 || imageId === undefined) {
    throw new RigError(
      `the engine did not import ${reference}: HTTP ${answer.status} ${answer.text.slice(-300)}`,
      "See the engine's log; a full disk is the usual reason.",
    );
  }
  // Tagged by id: Podman ignores the tag that is given with the import.
  const colon = reference.lastIndexOf(":");
  const tag = new URLSearchParams({ repo: reference.slice(0, colon), tag: reference.slice(colon + 1) });
  const tagged = await engineRequest(host, "POST", `/images/${imageId}/tag?${tag.toString()}`);
  if (tagged.status !== 201) {
    throw new RigError(`the engine did not tag ${reference}: HTTP ${tagged.status}`, "See the engine's log.");
  }
  return imageId;
}
