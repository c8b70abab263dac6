/** The default rules for what scanners find, and what they lack. */
import type { RoutingRule } from "./types.ts";

/** Scanners that are missing, and secrets that were found. */
export const scanRules: readonly RoutingRule[] = [
  {
    name: "scanner-missing",
    priority: 600,
    errorCodes: ["SCANNER_UNAVAILABLE"],
    action: "route",
    toTool: "server_status",
    reason: "No scanner can be used: see which are there; the user installs one, or a report of one is read instead.",
  },
  {
    name: "secrets-found",
    priority: 610,
    errorCodes: ["SECRETS_FOUND"],
    action: "fail",
    reason: "Secrets lie where others can read them: the user has to revoke them first, then take them out.",
  },
];
