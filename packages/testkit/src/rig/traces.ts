/**
 * The files and folders that an engine makes outside its own, whatever it is told: they are few, and known.
 *
 * - T1  Only those that were absent before our engine first started are removed, folders only when they are empty, and
 *       nothing while another dockerd runs.
 */
import { existsSync, rmSync, rmdirSync } from "node:fs";
import { anyEngineRuns } from "./process.ts";

const FILES = ["/etc/docker/key.json", "/var/lib/containers/cache/blob-info-cache-v1.boltdb"];

/** Inner folders before outer ones: this is the order of removal. */
const FOLDERS = [
  "/etc/docker",
  "/opt/containerd/bin",
  "/opt/containerd/lib",
  "/opt/containerd",
  "/run/containerd/s",
  "/run/containerd",
  "/run/sshd",
  "/run/docker/plugins",
  "/run/docker",
  "/var/lib/containers/cache",
  "/var/lib/containers",
];

/** Those that are not there yet. */
export function absentTraces(): string[] {
  return [...FILES, ...FOLDERS].filter((path) => !existsSync(path));
}

/** Removes those that were absent before. Returns what was done, for a person. */
export function removeTraces(absentBefore: readonly string[]): string {
  if (anyEngineRuns()) return "traces outside the folder stay: another dockerd runs";
  const removed = absentBefore.filter((path) => existsSync(path) && tryToRemove(path));
  return removed.length === 0 ? "none outside the folder" : `removed ${removed.join(" ")}`;
}

function tryToRemove(path: string): boolean {
  try {
    if (FILES.includes(path)) rmSync(path);
    else rmdirSync(path);
    return true;
  } catch {
    // Not empty: somebody else uses it by now.
    return false;
  }
}
