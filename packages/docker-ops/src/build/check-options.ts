import { z } from "zod";
import { fail } from "../errors.ts";

const texts = z.record(z.string(), z.string());
const callback = z.custom((value) => typeof value === "function", "is no function");

/** What `BuildOptions` holds beside the limits, which are looked at where they are used. */
const buildOptions = z.object({
  tags: z.array(z.string()),
  dockerfile: z.string().optional(),
  buildArgs: texts.optional(),
  target: z.string().optional(),
  platform: z.string().optional(),
  noCache: z.boolean().optional(),
  pull: z.boolean().optional(),
  labels: texts.optional(),
  cacheFrom: z.array(z.string()).optional(),
  secrets: z.array(z.object({ id: z.string(), from: z.string() })).optional(),
  ociLabels: z.boolean().optional(),
  roots: z.array(z.string()).optional(),
  onLog: callback.optional(),
  onProgress: callback.optional(),
});

/** Looks at a build's options as a caller without types may give them. @throws INVALID_INPUT that names what is odd */
export function checkBuildOptions(options: unknown): void {
  const { error } = buildOptions.safeParse(options);
  if (error === undefined) return;
  // The values are not quoted: one of them may be a secret.
  const issues = error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  const [first] = issues;
  throw fail("INVALID_INPUT", `the build's option ${first?.path ?? ""} is not valid: ${first?.message ?? ""}`, {
    details: { issues },
  });
}
