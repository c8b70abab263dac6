import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

/** One entry of `auths`. */
const auth = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});

const configFile = z.object({
  auths: z.record(z.string(), auth).default({}),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).default({}),
  currentContext: z.string().optional(),
});

/** The docker CLI's configuration, as much of it as concerns us. */
export interface DockerConfig extends z.output<typeof configFile> {
  /** The folder it was looked for in. */
  readonly folder: string;
  /** Why it could not be read although it is there, or null. */
  readonly problem: string | null;
}

/** A larger file is not a docker configuration. */
const LARGEST = 1024 * 1024;

/**
 * Reads `config.json` from DOCKER_CONFIG or `~/.docker`. A file that is missing is empty; one that is damaged is
 * empty too and says so in `problem`, because explicit credentials must go on working.
 */
export async function readDockerConfig(env: Readonly<Record<string, string | undefined>>): Promise<DockerConfig> {
  const named = env["DOCKER_CONFIG"];
  const folder = named !== undefined && named !== "" ? named : join(env["HOME"] ?? homedir(), ".docker");
  const file = join(folder, "config.json");
  const empty = { auths: {}, credHelpers: {}, folder };
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const missing = error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
    return { ...empty, problem: missing ? null : `${file} cannot be read` };
  }
  if (text.length > LARGEST) return { ...empty, problem: `${file} is larger than a docker configuration` };
  try {
    const parsed = configFile.parse(JSON.parse(text.replace(/^\uFEFF/, "")));
    return { ...parsed, folder, problem: null };
  } catch {
    // The parser's own message would quote the file, which holds credentials.
    return { ...empty, problem: `${file} is not a valid docker configuration` };
  }
}
