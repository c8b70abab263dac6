/** Whether base images can be pulled, and the configuration file that maps them to stand-ins where they cannot. */
import { rmSync } from "node:fs";
import { engineRequest } from "../engine-request.ts";
import type { Standin } from "../types.ts";
import { writeWhole } from "./files.ts";
import { readMade, recordMade } from "./made.ts";
import type { RigPaths } from "./paths.ts";

/** The smallest image on Docker Hub: a few kilobytes tell whether an engine can pull at all. */
const PROBE = "hello-world:latest";
const PROBE_MS = 8_000;
/** An answer holds for a day: networks come and go, but not between two set-ups. */
const PROBE_HOLDS_MS = 86_400_000;

const NODE_MAJORS = [18, 19, 20, 21, 22, 23, 24, 25, 26];
const NODE_VARIANTS = ["", "-slim", "-alpine", "-bookworm-slim"];

/** Whether the engine can pull from Docker Hub; asked of the engine itself, at most once a day. */
export async function canPull(host: string, paths: RigPaths): Promise<boolean> {
  const known = readMade(paths).pulling;
  if (known?.host === host && Date.now() - known.at < PROBE_HOLDS_MS) return known.possible;
  const possible = await tryPull(host);
  recordMade(paths, { pulling: { host, possible, at: Date.now() } });
  return possible;
}

/** Writes the configuration file, or removes it where real images can be had. Returns its path or null. */
export function writeBaseImageMap(paths: RigPaths, standin: Standin | undefined, pulls: boolean): string | null {
  if (pulls || standin === undefined) {
    rmSync(paths.config, { force: true });
    return null;
  }
  const images = NODE_MAJORS.flatMap((major) => NODE_VARIANTS.map((variant) => `node:${major}${variant}`));
  const lines = [
    "# Written by container-kit's set-up: this machine cannot pull base images, so images made from the machine itself",
    `# stand in for them. Every one of these runs Node ${standin.node}, whatever the name on the left says.`,
    "baseImages:",
    ...images.map((image) => `  "${image}": "${standin.image}"`),
    "  # The engine's own Dockerfile frontend.",
    '  "docker/dockerfile:1": builtin',
    "",
  ];
  writeWhole(paths.config, lines.join("\n"), 0o644);
  return paths.config;
}

async function tryPull(host: string): Promise<boolean> {
  const had = (await engineRequest(host, "GET", `/images/${PROBE}/json`)).status === 200;
  try {
    const [name = "", tag = ""] = PROBE.split(":");
    const query = new URLSearchParams({ fromImage: name, tag });
    const answer = await engineRequest(host, "POST", `/images/create?${query.toString()}`, { deadlineMs: PROBE_MS });
    return answer.status === 200 && !/"(error|errorDetail)"/.test(answer.text);
  } catch {
    return false;
  } finally {
    if (!had) await engineRequest(host, "DELETE", `/images/${PROBE}`).catch(() => undefined);
  }
}
