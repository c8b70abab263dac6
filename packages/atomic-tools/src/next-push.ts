import type { NextStep } from "@container-kit/atomic-runtime";
import { namesRegistry } from "./reference.ts";

/** What follows when an image has its name: a push, and where that name does not say where to, that it has to be said. */
export function nextPush(image: string): NextStep {
  const reason = namesRegistry(image)
    ? "send it to its registry"
    : "send it to a registry: name it in `target`, for this tag names none and would go to Docker Hub";
  return { tool: "push_image", reason, arguments: { image } };
}
