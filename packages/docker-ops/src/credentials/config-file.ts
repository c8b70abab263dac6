import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { readTextFile } from "../context/read-text-file.ts";
import { credentialEntry } from "./entry.ts";

const configFile = z.object({
  auths: z.record(z.string(), credentialEntry).default({}),
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
    text = await readTextFile(file, LARGEST);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = "code" in error ? String(error.code) : "";
    if (code === "ENOENT" || code === "ENOTDIR") return { ...empty, problem: null };
    return { ...empty, problem: `${file} cannot be read: ${code === "" ? error.message : code}` };
  }
  const parsed = parseDockerConfig(text);
  return parsed === null
    ? { ...empty, problem: `${file} is not a valid docker configuration` }
    : { ...parsed, folder, problem: null };
}

/** Null when the text is none. The parser's own message would quote it, and it holds credentials. */
export function parseDockerConfig(text: string): z.output<typeof configFile> | null {
  try {
    return configFile.parse(JSON.parse(text.replace(/^\uFEFF/, "")));
  } catch {
    return null;
  }
}
