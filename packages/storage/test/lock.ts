import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const lockHolder = fileURLToPath(new URL("lock-holder.mjs", import.meta.url));

/** Lets another process hold the write lock of a file for a while; what it returns ends that. */
export async function lock(file: string, milliseconds: number): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [lockHolder, file, String(milliseconds)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  await once(child.stdout, "data");
  return async () => {
    child.kill("SIGKILL");
    await gone;
  };
}
