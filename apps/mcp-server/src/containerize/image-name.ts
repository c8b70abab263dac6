import { parseReference } from "@container-kit/docker-ops";
import { fail } from "../errors.ts";

/** Refuses a name that no image can be tagged with. @throws INVALID_REFERENCE INVALID_INPUT */
export function checkImageName(name: string): void {
  const { digest } = parseReference(name);
  if (digest === undefined) return;
  throw fail("INVALID_INPUT", `${name} names a digest, and a new image has none yet`, {
    remedy: "Name the image with a tag, e.g. registry/app:1.0.",
  });
}
