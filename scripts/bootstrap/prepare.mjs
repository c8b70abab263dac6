/** The whole set-up in its order, as `npm run setup`, `npm start` and `npm test` share it. */
import { build } from "./build.mjs";
import { ensureDependencies } from "./dependencies.mjs";
import { checkNodeVersion } from "./node-version.mjs";
import { rigUp } from "./rig.mjs";
import { heading, step } from "./steps.mjs";

/** What the workspace itself needs: a Node that is new enough, dependencies, and built packages. */
export async function prepareWorkspace() {
  heading("Workspace");
  await step("node", async () => checkNodeVersion());
  await step("dependencies", ensureDependencies);
  await step("build", build);
}

/** The workspace, then an engine and a registry. See {@link rigUp} for what comes back. */
export async function prepare({ mayInstall, forTests = false }) {
  await prepareWorkspace();
  heading("Engine and registry");
  return rigUp({ mayInstall, forTests });
}

/** Takes a flag out of a list of arguments. Returns whether it was there. */
export function takeFlag(args, flag) {
  const at = args.indexOf(flag);
  if (at >= 0) args.splice(at, 1);
  return at >= 0;
}
