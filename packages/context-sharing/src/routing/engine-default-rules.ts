/** The default rules for engines that cannot be used. */
import type { RoutingRule } from "./types.ts";

/** Engines that do not answer, or have no room. */
export const engineRules: readonly RoutingRule[] = [
  {
    name: "engine-again",
    priority: 300,
    errorCodes: ["ENGINE_UNAVAILABLE", "ENGINE_TIMEOUT", "ENGINE_RESTARTED"],
    action: "retry",
    retry: { attempts: 2, firstPauseMs: 2000, longestPauseMs: 15_000 },
    reason: "An engine that restarts or is busy answers again soon: repeat the call after the pause.",
  },
  {
    name: "look-at-engine",
    priority: 310,
    errorCodes: [
      "ENGINE_UNAVAILABLE",
      "ENGINE_TIMEOUT",
      "ENGINE_RESTARTED",
      "ENGINE_FORBIDDEN",
      "ENGINE_BAD_ENDPOINT",
      "ENGINE_PROTOCOL",
    ],
    action: "route",
    toTool: "server_status",
    reason: "No engine can be used: see which one was tried, why it is not to be had, and tell the user the remedy.",
  },
  {
    name: "engine-disk-full",
    priority: 320,
    errorCodes: ["ENGINE_DISK_FULL"],
    action: "fail",
    reason:
      "The engine has no room: the user has to free space, e.g. with `docker system prune`, before it is tried again.",
  },
];
