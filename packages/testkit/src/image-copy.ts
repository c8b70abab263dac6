import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { endpoint, engineRequest } from "./engine-request.ts";
import { RigError } from "./rig-error.ts";

/** An image, and the two engines between which it is copied. */
export interface ImageCopy {
  /** The engine that has the image, as `DOCKER_HOST` has it. */
  readonly from: string;
  readonly to: string;
  /** `repository:tag`; it bears the same name in the other engine. */
  readonly reference: string;
}

/** Copies an image from one engine to another (save and load), without a registry. Throws {@link RigError}. */
export async function copyImage({ from, to, reference }: ImageCopy): Promise<void> {
  const saved = await get(from, `/images/${reference}/get`);
  if (saved.statusCode !== 200) {
    throw new RigError(`${from} does not save ${reference}: ${await text(saved)}`, "Is the image there?");
  }
  const loaded = await engineRequest(to, "POST", "/images/load?quiet=1", {
    body: saved,
    headers: { "content-type": "application/x-tar" },
    deadlineMs: 180_000,
  });
  if (loaded.status === 200 && !loaded.text.includes("errorDetail")) return;
  throw new RigError(`${to} does not load ${reference}: ${loaded.text}`, "See the engine's log; is its disk full?");
}

function get(host: string, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { ...endpoint(host), path, agent: false, signal: AbortSignal.timeout(180_000) },
      resolve,
    );
    request.on("error", reject);
    request.end();
  });
}
