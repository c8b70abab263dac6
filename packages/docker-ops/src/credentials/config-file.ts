import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { readTextFile } from "../context/read-text-file.ts";
import { credentialEntry, UNREADABLE_ENTRY } from "./entry.ts";
import type { CredentialEntry } from "./entry.ts";

/** Null is what is absent, as docker's decoder (Go's `encoding/json`) has it. */
const configFile = z.object({
  auths: z.record(z.string(), z.unknown()).nullish(),
  credsStore: z.string().nullish(),
  credHelpers: z.record(z.string(), z.unknown()).nullish(),
  currentContext: z.string().nullish(),
});

/** What the file's text says. */
interface ParsedConfig {
  /** An entry that is none is there all the same, as one that cannot be read. */
  readonly auths: Readonly<Record<string, CredentialEntry>>;
  readonly credsStore?: string;
  /** An empty name says that the file itself is used for the registry. */
  readonly credHelpers: Readonly<Record<string, string>>;
  readonly currentContext?: string;
  /** The keys of `credHelpers` that name no helper; they are left out. */
  readonly oddHelpers: readonly string[];
}

/** The docker CLI's configuration, as much of it as concerns us. */
export interface DockerConfig extends Omit<ParsedConfig, "oddHelpers"> {
  /** The folder it was looked for in. */
  readonly folder: string;
  /** What of it could not be read although it is there, or null. */
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
  if (parsed === null) return { ...empty, problem: `${file} is not a valid docker configuration` };
  const { oddHelpers, ...config } = parsed;
  const problem =
    oddHelpers.length === 0 ? null : `credHelpers of ${file} names no helper for ${oddHelpers.join(", ")}`;
  return { ...config, folder, problem };
}

/** Null when the text is none. The parser's own message would quote it, and it holds credentials. */
export function parseDockerConfig(text: string): ParsedConfig | null {
  let parsed: z.output<typeof configFile>;
  try {
    parsed = configFile.parse(JSON.parse(text.replace(/^\uFEFF/, "")));
  } catch {
    return null;
  }
  const { auths, credsStore, credHelpers, currentContext } = parsed;
  const helpers = Object.entries(credHelpers ?? {}).map(([key, name]) => [key, name ?? ""] as const);
  return {
    auths: Object.fromEntries(Object.entries(auths ?? {}).map(([key, entry]) => [key, readOne(entry)])),
    ...(credsStore ? { credsStore } : {}),
    credHelpers: Object.fromEntries(
      helpers.flatMap(([key, name]) => (typeof name === "string" ? [[key, name] as const] : [])),
    ),
    ...(currentContext ? { currentContext } : {}),
    oddHelpers: helpers.flatMap(([key, name]) => (typeof name === "string" ? [] : [key])),
  };
}

/** One that is odd loses only itself. */
function readOne(entry: unknown): CredentialEntry {
  return credentialEntry.safeParse(entry ?? {}).data ?? UNREADABLE_ENTRY;
}
