import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin"];

/** The environment in which system programs are found, also where a user's PATH lacks the sbin folders. */
export function systemEnvironment(): NodeJS.ProcessEnv {
  const path = [...new Set([...(process.env["PATH"] ?? "").split(delimiter), ...SYSTEM_FOLDERS])].filter(Boolean);
  return { ...process.env, PATH: path.join(delimiter) };
}

/** Finds a program as a shell would; undefined where there is none. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const folder of (systemEnvironment()["PATH"] ?? "").split(delimiter)) {
    const file = join(folder, name);
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  return undefined;
}
