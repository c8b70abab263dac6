import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The repository's package.json. */
export const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The environment in which the repository's own tools are found, pnpm included: turbo looks for it on PATH. */
export const toolEnvironment = {
  ...process.env,
  PATH: [join(root, "node_modules", ".bin"), process.env.PATH ?? ""].join(delimiter),
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
};
