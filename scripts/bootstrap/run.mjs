import { spawn } from "node:child_process";
import { root } from "./root.mjs";

/** Without a listener the first Ctrl-C would end us before the program that we wait for. */
function keepWaiting() {}

/**
 * Runs a program to its end, without a shell and without a stdin unless it is inherited.
 *
 * `output` is "inherit" (shown), "capture" (returned), or "stdout" (stdout returned, stderr shown).
 * Ctrl-C reaches the program directly, since it shares our terminal: this process waits for it and takes its status.
 */
export function run(file, args, { cwd = root, env = process.env, output = "capture", stdin = "ignore" } = {}) {
  const streams = { inherit: ["inherit", "inherit"], capture: ["pipe", "pipe"], stdout: ["pipe", "inherit"] }[output];
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd, env, stdio: [stdin, ...streams] });
    const chunks = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => chunks.push(chunk));
    const passOn = (signal) => child.kill(signal);
    process.on("SIGTERM", passOn);
    process.on("SIGINT", keepWaiting);
    const end = (code, text) => {
      process.off("SIGTERM", passOn);
      process.off("SIGINT", keepWaiting);
      resolve({ code, output: text });
    };
    child.once("error", (error) => end(127, error.message));
    child.once("close", (code, signal) => {
      end(code ?? (signal === "SIGINT" ? 130 : 1), Buffer.concat(chunks).toString("utf8"));
    });
  });
}
