import type {
  ErrorKind,
  FailedCall,
  RoutingExplanation,
  RoutingRule,
  RuleExplanation,
  Severity,
} from "@container-kit/context-sharing";
import { kindOf } from "../../error-tables.ts";
import { fail } from "../../errors.ts";
import { toLine, toPlainText } from "../../text/plain.ts";
import { table } from "../../text/table.ts";
import type { Application } from "../../wiring.ts";
import { configure, pluginFlags } from "../command.ts";
import type { Command, CommandContext, PluginArguments } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { describeRouting } from "../routing-words.ts";

/** `routing list`: every rule in its order. */
export const listRules: Command<PluginArguments> = (args, context) =>
  withApplication(args, context, async ({ routing: { router } }) => {
    const rows = router.rules.map((rule) => [
      String(rule.priority),
      rule.name,
      wordsOf(rule.fromTool) || "any tool",
      [...(rule.errorCodes ?? []), ...(rule.categories ?? []).map((name) => `${name} errors`)].join(", ") ||
        "any error",
      doesOf(rule),
    ]);
    context.output.text(table(["priority", "rule", "of", "with", "does"], rows));
    context.output.document({ rules: router.rules });
  });

/** What `routing explain` is asked. */
export interface ExplainArguments extends PluginArguments {
  readonly tool: string;
  readonly code: string;
  readonly session?: string;
  readonly severity?: Severity;
  readonly input: Readonly<Record<string, unknown>>;
  readonly details: Readonly<Record<string, unknown>>;
  readonly autoFix: boolean;
}

/** `routing explain`: the decision about a failure that did not happen. */
export const explainRouting: Command<ExplainArguments> = (args, context) =>
  withApplication(args, context, async (application) => {
    const explained = await explain(application, args);
    if (!application.runtime.list().some(({ name }) => name === args.tool))
      context.output.note(`note: no tool ${toLine(args.tool, 64)} is served here.`);
    context.output.text(describe(explained));
    context.output.document(explained);
  });

async function explain(
  { routing, sessions, settings }: Application,
  args: ExplainArguments,
): Promise<RoutingExplanation> {
  const { tool, code, session: sessionId, severity, input, details } = args;
  const failure = {
    tool,
    error: { code, ...requireKind(code), details },
    input,
    autoFix: args.autoFix && settings.autoFix,
    ...(severity === undefined ? {} : { severity }),
  } satisfies Partial<FailedCall>;
  if (sessionId === undefined) return routing.router.explain(failure);
  const { labels } = await sessions.getSession(sessionId, { executions: 1 });
  const autoFix = failure.autoFix && labels["auto-fix"] !== "false";
  return routing.explain({ ...failure, autoFix, labels, sessionId, executionId: "none", correlationId: "none" });
}

/** @throws INVALID_INPUT for a code that nobody has */
function requireKind(code: string): ErrorKind {
  const kind = kindOf(code);
  if (kind !== undefined) return kind;
  throw fail("INVALID_INPUT", `there is no error ${JSON.stringify(code.slice(0, 60))}`, {
    remedy: "Name a code as a failure tells it, e.g. BUILD_FAILED.",
  });
}

async function withApplication(
  args: PluginArguments,
  context: CommandContext,
  work: (application: Application) => Promise<void>,
): Promise<number> {
  const { openApplication } = await import("../../wiring.ts");
  const config = await configure(context, pluginFlags(args));
  const application = await openApplication(config, {
    paths: { roots: [] },
    toolsets: config.toolsets,
    environment: context.host.environment,
  });
  try {
    await work(application);
    return EXIT.done;
  } finally {
    await application.close();
  }
}

function wordsOf(names: string | readonly string[] | undefined): string {
  return typeof names === "string" ? names : (names ?? []).join(", ");
}

function doesOf(rule: RoutingRule): string {
  if (rule.action === "route")
    return ["route to", [rule.toTool, ...(rule.then ?? []).map(({ tool }) => tool)].join(", then ")].join(" ");
  if (rule.action !== "retry") return rule.action;
  const { attempts } = rule.retry;
  return attempts === 1 ? "retry once" : `retry up to ${attempts} times`;
}

/** The decision, then every rule in its order with what was looked at. */
function describe({ decision, rules }: RoutingExplanation): string {
  const head = decision === null ? "No rule has anything to say about this failure." : describeRouting(decision);
  return toPlainText([head, "", ...rules.map(describeRule)].join("\n"));
}

function describeRule({ rule, priority, action, decides, applies, because }: RuleExplanation): string {
  const mark = decides ? "→" : applies ? "✓" : "✗";
  return `${mark} ${priority} ${rule} (${action}): ${because.join("; ")}`;
}
