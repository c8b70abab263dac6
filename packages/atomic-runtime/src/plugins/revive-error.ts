import { KitError } from "@container-kit/errors";
import type { ErrorEntry } from "@container-kit/errors";
import { runtimeErrors } from "../errors.ts";
import { pluginErrors } from "./errors.ts";
import type { PluginError } from "./messages.ts";

const KNOWN = { ...runtimeErrors, ...pluginErrors };

/** What would be our mistake in a tool of ours is the plugin's here, and its author's to mend. */
function notOurs(known: (typeof KNOWN)[keyof typeof KNOWN]): ErrorEntry {
  return known.fault === "us" ? { ...known, fault: "environment", remedy: pluginErrors.PLUGIN_FAILED.remedy } : known;
}

/**
 * The error that a plugin's process told, as one of ours: a known code keeps its table's entry, an unknown one what the
 * plugin says of it, and an error without a code is PLUGIN_FAILED. A plugin cannot say that Container Kit is at fault.
 */
export function kitErrorOf(plugin: string, error: PluginError): KitError {
  if (error.denied !== undefined) {
    return new KitError("POLICY_DENIED", runtimeErrors.POLICY_DENIED, `plugin ${plugin} was refused ${error.denied}`, {
      remedy:
        "If it may, grant it in container-kit.yaml under plugins: read for folders, network for the network, or trusted for everything.",
      details: { rule: "plugin-permissions", denied: error.denied },
    });
  }
  const { message, stage, details, logTail } = error;
  const context = {
    ...(stage === undefined ? {} : { stage }),
    ...(details === undefined ? {} : { details }),
    ...(logTail === undefined ? {} : { logTail }),
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
  };
  if (error.code === undefined) {
    return new KitError("PLUGIN_FAILED", pluginErrors.PLUGIN_FAILED, `plugin ${plugin} failed: ${message}`, context);
  }
  const known = KNOWN[error.code as keyof typeof KNOWN];
  const { category = "runtime", retryable = false, remedy = pluginErrors.PLUGIN_FAILED.remedy } = error;
  return new KitError(
    error.code,
    known === undefined ? { category, retryable, remedy, fault: "environment", summary: message } : notOurs(known),
    message,
    context,
  );
}
