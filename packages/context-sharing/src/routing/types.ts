/** How bad it is, the worst first. */
export type Severity = "critical" | "high" | "medium" | "low" | "negligible" | "unknown";

/** A failure, as whoever asks about it tells it. */
export interface GivenFailure {
  /** The tool that failed. */
  readonly tool: string;
  readonly error: {
    readonly code: string;
    /** Default: what the contract says of the code; empty for one that it does not have. */
    readonly category?: string;
    /** Default: what the contract says of the code; false for one that it does not have. */
    readonly retryable?: boolean;
    readonly message?: string;
    readonly details?: Readonly<Record<string, unknown>>;
  };
  /** What the tool was called with. Default: nothing. */
  readonly input?: Readonly<Record<string, unknown>>;
  readonly sessionId?: string;
  /** Whether tools may change the user's files to mend what failed. Default: they may; a decision is only a proposal. */
  readonly autoFix?: boolean;
  /** The session's. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: the worst that the error's details tell. */
  readonly severity?: Severity;
  /** How often the call was repeated already, where who asks counts that itself. Default: what the chain knows. */
  readonly attempts?: number;
}

/** What is known of a failure: all that a rule can look at. */
export interface Failure extends GivenFailure {
  readonly error: GivenFailure["error"] & { readonly category: string; readonly retryable: boolean };
  readonly input: Readonly<Record<string, unknown>>;
  readonly autoFix: boolean;
}

/** What was decided before about failures that belong together: the guard against loops. Plain JSON. */
export interface FailureChain {
  /** How many decisions were made in it that do more than give up. */
  readonly decisions: number;
  /** By cause (`tool code`): how often it was decided on, and the rules that were used on it. */
  readonly causes: Readonly<Record<string, { readonly attempts: number; readonly rules: readonly string[] }>>;
}

/**
 * Plain data with references: a text that is `${path}` as a whole is replaced by what is found there, or left out; of
 * `${path | other.path}` the first that finds something counts. The member `...` spreads the object that its reference finds.
 */
export type ArgumentMapping = Readonly<Record<string, unknown>>;

/** A call that a route proposes after its first one. */
export interface RouteStep {
  readonly tool: string;
  /** May refer to `input.…` (of what failed), `error.…`, `session.id`, `session.labels.…` and `result.…` (of the step before). */
  readonly arguments?: ArgumentMapping;
  readonly reason: string;
}

/** When a rule applies, beside the tool and the code. All that is named must hold. */
export interface RuleConditions {
  /** How often this cause was decided on before in its chain; where the rule names several codes, any of them. */
  readonly attempts?: { readonly atLeast?: number; readonly atMost?: number };
  /** The failure is at least so bad; one whose severity nobody knows is not. */
  readonly severity?: { readonly atLeast: Severity };
  readonly autoFix?: boolean;
  /** Arguments of the failed call: each is one of these values, where null stands for one that was not given. */
  readonly input?: Readonly<Record<string, readonly (string | number | boolean | null)[]>>;
  /** Labels that the session has, all of them. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Whether the error table says that a retry may help. */
  readonly retryable?: boolean;
}

interface RuleBase {
  /** kebab-case; unique. One of a configuration or plugin that bears the name of a default replaces it. */
  readonly name: string;
  /** Lower goes first; of equals, the one that was loaded first. 0 to 1,000. */
  readonly priority: number;
  /** Tools whose failures it is about; absent: all. */
  readonly fromTool?: string | readonly string[];
  readonly errorCodes?: readonly string[];
  readonly categories?: readonly string[];
  readonly when?: RuleConditions;
  /** Why, in one sentence for who reads the decision. */
  readonly reason: string;
}

/** How a failed call is to be repeated. */
export interface RepeatPolicy {
  /** Repetitions of one cause; 1 to 10. */
  readonly attempts: number;
  /** Default 1,000. */
  readonly firstPauseMs?: number;
  /** Default 30,000. */
  readonly longestPauseMs?: number;
}

/** Where a failure goes next, as plain data. */
export type RoutingRule =
  | (RuleBase & {
      readonly action: "route";
      readonly toTool: string;
      readonly arguments?: ArgumentMapping;
      /** What follows when that tool has succeeded; the last one usually is the tool that failed. */
      readonly then?: readonly RouteStep[];
    })
  | (RuleBase & { readonly action: "retry"; readonly retry: RepeatPolicy })
  | (RuleBase & { readonly action: "fail" })
  | (RuleBase & { readonly action: "ignore" });

/** What is to be done about a failure: the contract's `routing`. */
export interface RoutingDecision {
  /** The rule that decided; `chain-budget` and `nothing-left` are the router's own. */
  readonly rule: string;
  /** `ignore`: go on as if it had not happened. `fail`: give up, and tell the user. */
  readonly action: "route" | "retry" | "fail" | "ignore";
  readonly toTool?: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly reason: string;
  /** Of a retry: how long to wait before. */
  readonly afterMs?: number;
}

/** Why a rule did or did not apply. */
export interface RuleExplanation {
  readonly rule: string;
  readonly priority: number;
  readonly action: RoutingRule["action"];
  /** It applies, and is the first that does. */
  readonly decides: boolean;
  readonly applies: boolean;
  /** One sentence for each thing that was looked at and held or did not: `errorCodes: AUTH_FAILED is not one of …`. */
  readonly because: readonly string[];
}

/** A decision with every rule that was looked at, in their order. */
export interface RoutingExplanation {
  readonly decision: RoutingDecision | null;
  readonly rules: readonly RuleExplanation[];
}

/** Decides where a failure goes; the same failure and chain, the same decision. No I/O. */
export interface Router {
  /** In their order. */
  readonly rules: readonly RoutingRule[];
  /** Null where no rule has anything to say. @throws TypeError for what is no failure, or no chain */
  decide(failure: GivenFailure, chain?: FailureChain): RoutingDecision | null;
  /** @throws TypeError */
  explain(failure: GivenFailure, chain?: FailureChain): RoutingExplanation;
  /** The chain after a decision. @throws TypeError */
  after(chain: FailureChain | undefined, failure: GivenFailure, decision: RoutingDecision): FailureChain;
  /** What follows the first call of a route; empty for other decisions. */
  steps(decision: RoutingDecision): readonly RouteStep[];
  /** Whether a success of that tool may matter to a chain: it fails into one, or is part of a route. */
  mentions(tool: string): boolean;
}

/** How a {@link Router} is made. */
export interface RouterOptions {
  /** Default: `defaultRoutingRules`. Checked here; one without a name is given one, of what it says. */
  readonly rules?: readonly unknown[];
  /** Tools that are loaded here, beside those that the contract names. Rules may name no other. */
  readonly tools?: readonly string[];
  /** Whether a tool can be called here now: a route of which one cannot does not apply. Default: all. */
  readonly serves?: (tool: string) => boolean;
  /** Codes of plugins, beside the contract's. */
  readonly codes?: readonly string[];
  /** Decisions in one chain that do more than give up. Default 8. */
  readonly budget?: number;
  /** A number from 0 to below 1; spreads the pauses of retries. Default: none is added, so that decisions repeat exactly. */
  readonly random?: () => number;
}

/** A failed call, as the one who ran it tells it. */
export interface FailedCall extends Omit<Failure, "sessionId" | "attempts"> {
  readonly sessionId: string;
  readonly executionId: string;
  readonly correlationId: string;
}

/** A call that succeeded. */
export interface SucceededCall {
  readonly tool: string;
  readonly sessionId: string;
  readonly executionId: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly result: Readonly<Record<string, unknown>>;
}

/** A call that is proposed. */
export interface ProposedCall {
  readonly tool: string;
  readonly reason: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** Routes failures of sessions: remembers each chain durably, so that no sequence of failures goes round for ever. */
export interface FailureRouting {
  readonly router: Router;
  /**
   * Decides, remembers, and tells `routing.decided`. Null where no rule has anything to say.
   *
   * @throws STORE_* CONFLICT when the decision cannot be remembered: it is not given then, or the guard would be blind
   */
  failed(call: FailedCall): Promise<RoutingDecision | null>;
  /** Ends the chain that began with this call, and gives the next step of one that expects it. @throws STORE_* CONFLICT */
  succeeded(call: SucceededCall): Promise<ProposedCall | null>;
  /** As `failed`, without remembering or telling. */
  explain(call: FailedCall): Promise<RoutingExplanation>;
}
