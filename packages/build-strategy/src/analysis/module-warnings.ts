import type { ModuleKind } from "../types.ts";
import { isBuilt } from "./module-readings.ts";
import type { ModuleInput, ModuleReadings } from "./module-readings.ts";
import { neededBrowser } from "./native-dependencies.ts";
import { joinPath } from "./path.ts";

/** Reports what a module lacks for an image that builds the same each time and can be asked for its health. */
export async function warnOfGaps(
  input: ModuleInput,
  readings: ModuleReadings,
  kind: ModuleKind,
  hasPorts: boolean,
): Promise<void> {
  const { tree, folder, manifest, warnings } = input;
  const { delivery, manager, build, code } = readings;
  const file = manifest.file;
  const isProgram = kind === "server" || kind === "static" || delivery.start !== null;
  if (isProgram && manager.lockfile === null) {
    const message = `${file} has no lockfile for ${manager.name}: two builds may install different versions.`;
    warnings.push({ code: "LOCKFILE_MISSING", message, file });
  }
  if (kind === "server" && !hasPorts) {
    const why = code.readsPort ? "it reads PORT and has no default" : "no place in the code shows it";
    warnings.push({ code: "PORT_UNKNOWN", message: `The port of ${folder} is not known: ${why}.`, file });
  }
  const entry = delivery.start?.entrypoint ?? null;
  if (entry !== null && !isBuilt(build, entry) && !(await tree.exists(joinPath(folder, entry)))) {
    warnings.push({
      code: "START_FILE_MISSING",
      message: `${delivery.start?.source ?? ""} runs ${entry}, which is not there.`,
      file,
    });
  }
  if (delivery.start?.needsDevDependencies === true) {
    const message = `The start command uses a program of devDependencies, so all of them stay in the image; move it to dependencies.`;
    warnings.push({ code: "START_NEEDS_DEV_DEPENDENCIES", message, file });
  }
  if (readings.install.npmrc === "credentials") {
    const at = joinPath(input.install.folder, ".npmrc");
    const message = `${at} holds credentials or keys; it stays out of the image and is asked for as the build secret "npmrc".`;
    warnings.push({ code: "CREDENTIALS_IN_NPMRC", message, file: at });
  }
  if (readings.install.yarnToken) {
    const at = joinPath(input.install.folder, ".yarnrc.yml");
    const message = `${at} holds a token, and yarn needs the file in the build; write \${NAME} there and keep the token in the environment.`;
    warnings.push({ code: "CREDENTIALS_IN_NPMRC", message, file: at });
  }
  const browser = neededBrowser(manifest);
  if (browser !== null)
    warnings.push({
      code: "BROWSER_NEEDED",
      message: `${browser} drives a browser, and the image will have none.`,
      file,
    });
}
