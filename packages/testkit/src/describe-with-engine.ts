import { beforeAll, describe } from "vitest";
import { engineRequest } from "./engine-request.ts";
import { loadRig, SKIP_VARIABLE } from "./load-rig.ts";
import { RigError } from "./rig-error.ts";
import type { LoadedRig } from "./types.ts";

/**
 * A `describe` whose tests need the engine and the registry.
 *
 * Without a rig its tests are skipped and their title says why; with a rig whose engine does not answer they fail.
 * They are never silently green.
 */
export function describeWithEngine(title: string, body: (rig: LoadedRig) => void): void {
  const reason = process.env[SKIP_VARIABLE];
  const rig = reason ? undefined : loadRig();
  if (rig === undefined) {
    // The body runs to collect the tests' names, so it must not touch the rig before a test does.
    describe.skip(`${title} (skipped: ${reason || "no rig, run: npm run setup"})`, () => body(absentRig()));
    return;
  }
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
    config: null,
    installed: [],
    standins: [],
    password: "",
    environment: {},
  };
  return blank;
}
