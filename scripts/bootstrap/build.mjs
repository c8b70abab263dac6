import { join } from "node:path";
import { Failure } from "./failure.mjs";
import { root, toolEnvironment } from "./root.mjs";
import { run } from "./run.mjs";

/** Builds every package whose sources have changed. */
export async function build() {
  const turbo = join(root, "node_modules", ".bin", "turbo");
  const { code, output } = await run(turbo, ["run", "build", "--output-logs=errors-only"], { env: toolEnvironment });
  if (code !== 0) {
    process.stderr.write(output);
    throw new Failure("the build failed; what it printed is above", "Mend what it says and run this again.");
  }
  const [, cached, total] = /Cached:\s+(\d+) cached, (\d+) total/.exec(output) ?? [];
  return [
    cached === undefined ? "done" : `${total - cached} of ${total} packages built, the rest unchanged`,
    undefined,
  ];
}
