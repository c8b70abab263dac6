/**
 * Asks a docker credential helper (docker/docker-credential-helpers protocol): the registry's key on stdin, JSON on
 * stdout.
 *
 * - H1  Bounded in time and output; when time is up the helper dies with its children (its own process group).
 * - H2  What it prints is never repeated in an error or a log: it may be a secret.
 * - H3  Its name comes from a file and becomes part of a program's name, so it may hold nothing but plain characters.
 * - H4  An answer for another server is refused.
 */
import { spawn } from "node:child_process";
import { Secret } from "@container-kit/observability";
import { z } from "zod";
import { fail } from "../errors.ts";
import { keyMatches } from "./registry-key.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const LARGEST_OUTPUT = 64 * 1024;
const DEADLINE_MS = 10_000;
/** What a helper says, with exit status 1, when it simply has no entry. */
const NOT_FOUND = /credentials not found in native keychain/i;
/** A user name of this kind says that the secret is an identity token. */
const TOKEN_USER = "<token>";

const answer = z.object({ ServerURL: z.string().optional(), Username: z.string(), Secret: z.string() });

export interface HelperCredential {
  readonly username?: string;
  readonly password?: Secret;
  readonly identityToken?: Secret;
}

export interface HelperOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
}

/** @returns null when the helper has no entry. @throws CREDENTIAL_HELPER_FAILED */
export async function askHelper(
  helper: string,
  registry: string,
  key: string,
  options: HelperOptions,
): Promise<HelperCredential | null> {
  const program = `docker-credential-${helper}`;
  if (!NAME.test(helper)) throw failed(program.slice(0, 80), "its name is not allowed");
  const { code, output } = await runHelper(program, key, options);
  if (code !== 0) {
    if (NOT_FOUND.test(output)) return null;
    throw failed(program, `it ended with status ${code ?? "none"}`);
  }
  const parsed = answer.safeParse(parseJson(output));
  if (!parsed.success) throw failed(program, "its answer is not in the helper protocol");
  const { ServerURL, Username, Secret: secret } = parsed.data;
  if (ServerURL !== undefined && ServerURL !== "" && !keyMatches(ServerURL, registry)) {
    throw failed(program, `it answered for another server than ${registry}`);
  }
  return Username === TOKEN_USER
    ? { identityToken: new Secret(secret) }
    : { username: Username, password: new Secret(secret) };
}

function runHelper(
  program: string,
  key: string,
  { env, signal, deadlineMs = DEADLINE_MS }: HelperOptions,
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn(program, ["get"], { env, detached: true, stdio: ["pipe", "pipe", "ignore"] });
    const chunks: Buffer[] = [];
    let size = 0;
    const end = (reason: string) => {
      killGroup(child.pid);
      finish();
      reject(failed(program, reason));
    };
    const timer = setTimeout(() => end(`it did not answer within ${deadlineMs} ms`), deadlineMs);
    const onAbort = () => end("the call was cancelled");
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      child.stdout.destroy();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    child.on("error", (cause) => {
      finish();
      reject(failed(program, "it cannot be started", cause));
    });
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > LARGEST_OUTPUT) end(`it printed more than ${LARGEST_OUTPUT} bytes`);
      else chunks.push(chunk);
    });
    child.on("close", (code) => {
      finish();
      resolve({ code, output: Buffer.concat(chunks).toString("utf8") });
    });
    // A helper that exits without reading closes the pipe under us; its exit status says more than the EPIPE.
    child.stdin.on("error", () => {});
    child.stdin.end(key);
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The group is gone already, which is what was wanted.
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failed(program: string, reason: string, cause?: unknown): Error {
  return fail("CREDENTIAL_HELPER_FAILED", `${program} failed: ${reason}`, { cause, details: { helper: program } });
}
