/** The default rules for commands that run isolated. */
import type { RoutingRule } from "./types.ts";

/** Commands that came up against a limit, and nothing to run them in. */
export const sandboxRules: readonly RoutingRule[] = [
  {
    name: "sandbox-timeout",
    priority: 400,
    fromTool: "sandbox_run",
    errorCodes: ["SANDBOX_TIMEOUT"],
    action: "fail",
    reason:
      "The command used up its time: give it more in `policy`, or let it do less; as it is, it ends the same way.",
  },
  {
    name: "sandbox-memory",
    priority: 410,
    fromTool: "sandbox_run",
    errorCodes: ["SANDBOX_OOM"],
    action: "fail",
    reason:
      "The command used up its memory: give it more in `policy`, or let it need less; as it is, it ends the same way.",
  },
  {
    name: "sandbox-output",
    priority: 420,
    fromTool: "sandbox_run",
    errorCodes: ["SANDBOX_OUTPUT_LIMIT"],
    action: "fail",
    reason: "The command printed more than is taken: let it print less, or write a file and name it in `collect`.",
  },
  {
    name: "sandbox-unavailable",
    priority: 430,
    fromTool: "sandbox_run",
    errorCodes: ["SANDBOX_UNAVAILABLE"],
    action: "route",
    toTool: "server_status",
    reason: "Nothing can be isolated here now: see what is missing, and tell the user the remedy.",
  },
];
