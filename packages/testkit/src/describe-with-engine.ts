import { beforeAll, describe } from "vitest";
import { engineRequest } from "./engine-request.ts";
import { loadRig, rigEnvironment, SKIP_VARIABLE } from "./load-rig.ts";
import { RigError } from "./rig-error.ts";
import type { LoadedRig, RigEngine } from "./types.ts";

/**
 * A `describe` whose tests need the engine and the registry.
 *
 * Without a rig its tests are skipped and their title says why; with a rig whose engine does not answer they fail.
 * They are never silently green.
 */
export function describeWithEngine(title: string, body: (rig: LoadedRig) => void): void {
  const { rig, reason } = theRig();
  if (rig === undefined) skip(title, reason, body);
  else describeOn(title, rig, body);
}

/** The same for what only Docker has, or does in its own way: skipped aloud where the rig's engine is another. */
export function describeWithDocker(title: string, body: (rig: LoadedRig) => void): void {
  const { rig, reason } = theRig();
  if (rig === undefined) skip(title, reason, body);
  else if (rig.engine.kind !== "docker") skip(title, `the rig's engine is ${rig.engine.kind}`, body);
  else describeOn(title, rig, body);
}

/**
 * A `describe` that runs once for each engine of the rig: the rig's own, and Podman beside it. Each run gets a rig whose
 * engine and environment are that engine's, and a title that ends in its kind, e.g. `pushing (podman)`.
 *
 * Where there is no Podman its run is skipped and its title says why.
 */
export function describeEachEngine(title: string, body: (rig: LoadedRig) => void): void {
  const { rig, reason } = theRig();
  if (rig === undefined) {
    skip(title, reason, body);
    return;
  }
  describeOn(`${title} (${rig.engine.kind})`, rig, body);
  if (rig.engine.kind === "podman") return;
  const podman = `${title} (podman)`;
  if ("absent" in rig.podman) skip(podman, rig.podman.absent, body);
  else describeOn(podman, onEngine(rig, rig.podman), body);
}

function theRig(): { readonly rig: LoadedRig | undefined; readonly reason: string } {
  const reason = process.env[SKIP_VARIABLE];
  return { rig: reason ? undefined : loadRig(), reason: reason || "no rig, run: npm run setup" };
}

function onEngine(rig: LoadedRig, engine: RigEngine): LoadedRig {
  const moved = { ...rig, engine };
  return { ...moved, environment: rigEnvironment(moved) };
}

function skip(title: string, reason: string, body: (rig: LoadedRig) => void): void {
  // The body runs to collect the tests' names, so it must not touch the rig before a test does.
  describe.skip(`${title} (skipped: ${reason})`, () => body(absentRig()));
}

function describeOn(title: string, rig: LoadedRig, body: (rig: LoadedRig) => void): void {
  describe(title, () => {
    beforeAll(() => checkThatItAnswers(rig));
    body(rig);
  });
}

async function checkThatItAnswers(rig: LoadedRig): Promise<void> {
  try {
    await engineRequest(rig.engine.host, "GET", "/_ping", { deadlineMs: 5_000 });
  } catch (cause) {
    throw new RigError(`the rig's engine at ${rig.engine.host} does not answer`, "Run: npm run setup", { cause });
  }
}

/** Stands in for a rig while a skipped suite's tests are only named: any property reads as an empty text. */
function absentRig(): LoadedRig {
  const blank: LoadedRig = {
    engine: { host: "", private: false, reason: "", kind: "docker", version: "" },
    registry: { host: "", pid: 0, username: "", passwordFile: "", netrcFile: "", dockerConfig: "" },
    podman: { absent: "" },
    config: null,
    installed: [],
    standins: [],
    password: "",
    environment: {},
  };
  return blank;
}
