import { defineErrors } from "@container-kit/errors";

/** The codes of plugins alone; PLUGIN_INVALID and OUTPUT_INVALID are the runtime's. */
export const pluginErrors = {
  PLUGIN_FAILED: {
    category: "runtime",
    summary: "A plugin's code failed, ended its process or used more than it may.",
    remedy: "Report this to the plugin's author with the correlation id; the server's log has what the plugin printed.",
    retryable: false,
    fault: "environment",
  },
} as const;

/** Makes an error of this table. */
export const failPlugin = defineErrors(pluginErrors);
