import type { SourceModule } from "../types.ts";
import { oneLine, quoted } from "./text.ts";

/**
 * The OCI labels (https://github.com/opencontainers/image-spec/blob/main/annotations.md). What a file cannot know is an
 * ARG: revision and time belong to the build, and the base is named by whatever base is used.
 */
export function labelLines(module: SourceModule, baseArg: string): string[] {
  const { version, description, license, homepage } = module.node;
  const source = sourceAddress(homepage);
  const labels: [string, string | null][] = [
    ["title", quotedOrNull(module.name ?? nameFromPath(module.path))],
    ["description", quotedOrNull(description)],
    ["version", quotedOrNull(version)],
    ["licenses", quotedOrNull(license)],
    ["source", '"${SOURCE}"'],
    ["revision", '"${REVISION}"'],
    ["created", '"${CREATED}"'],
    ["base.name", `"\${${baseArg}}"`],
  ];
  const written = labels.filter((label): label is [string, string] => label[1] !== null);
  return [
    `ARG ${baseArg}`,
    `ARG SOURCE=${quoted(source ?? "")}`,
    'ARG REVISION=""',
    'ARG CREATED=""',
    `LABEL ${written.map(([name, value]) => `org.opencontainers.image.${name}=${value}`).join(" \\\n      ")}`,
  ];
}

function quotedOrNull(text: string | null): string | null {
  return text === null || oneLine(text) === "" ? null : quoted(text);
}

function nameFromPath(path: string): string | null {
  return path === "." ? null : path;
}

/** The repository as an address that a browser opens, without user and password; null when it is none. */
export function sourceAddress(said: string | null): string | null {
  if (said === null || said.length > 300) return null;
  const short = /^(?:(github|gitlab|bitbucket):)?([\w.-]+\/[\w.-]+)$/.exec(said.trim());
  if (short !== null)
    return `https://${short[1] ?? "github"}.${short[1] === "bitbucket" ? "org" : "com"}/${short[2] ?? ""}`;
  const plain = said
    .trim()
    .replace(/^git\+/, "")
    .replace(/^git:\/\//, "https://")
    .replace(/^(?:ssh:\/\/)?git@([\w.-]+)[:/]/, "https://$1/");
  try {
    const url = new URL(plain);
    if (url.protocol !== "https:" && url.protocol !== "http:") return null;
    return `https://${url.host}${url.pathname.replace(/\.git$/, "")}`;
  } catch {
    return null;
  }
}
