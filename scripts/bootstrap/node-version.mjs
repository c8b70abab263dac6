import { Failure } from "./failure.mjs";
import { manifest } from "./root.mjs";

/** Makes sure that this Node is new enough, before anything else can fail in a way that hides it. */
export function checkNodeVersion() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const [wantedMajor, wantedMinor] = /(\d+)\.(\d+)/.exec(manifest.engines.node).slice(1).map(Number);
  if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
    throw new Failure(
      `this is Node ${process.versions.node}, and ${wantedMajor}.${wantedMinor} or newer is needed`,
      "Install a newer one, for instance from https://nodejs.org/en/download, and run the same command again.",
    );
  }
  return [process.versions.node, undefined];
}
