import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The built host program: beside this code in a bundle, in `dist` when this code runs from source (after a build).
 */
export function hostProgram(here: string = import.meta.url): string {
  const beside = fileURLToPath(new URL("./plugin-host.mjs", here));
  return here.endsWith(".ts") || !existsSync(beside)
    ? fileURLToPath(new URL("../../dist/plugin-host.mjs", here))
    : beside;
}
