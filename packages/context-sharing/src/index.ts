/**
 * What tools tell each other, and where a failure is routed next.
 *
 * @packageDocumentation
 */

// What tools leave for each other within a session.
export { createContextStore } from "./entries/context-store.ts";
export { defineContextType } from "./entries/context-type.ts";
export type {
  ContextEntry,
  ContextQuery,
  ContextStore,
  ContextStoreOptions,
  ContextType,
  ContextUsage,
  EntryName,
  NewContextEntry,
  Producer,
  Timestamp,
} from "./entries/types.ts";

// What happened, told to whoever asked, in this process and in others.
export { createEventBus } from "./events/event-bus.ts";
export { toCloudEvent } from "./events/cloud-event.ts";
export type {
  BusEvent,
  EventBus,
  EventBusOptions,
  EventGap,
  EventPage,
  NewEvent,
  SubscribeOptions,
  Subscription,
} from "./events/types.ts";

// Where a failure goes next.
export { createRouter } from "./routing/router.ts";
export { defaultRoutingRules } from "./routing/default-rules.ts";
export { createFailureRouting } from "./routing/failure-routing.ts";
export type { FailureRoutingOptions } from "./routing/failure-routing.ts";
export { mergeRoutingRules } from "./routing/merge-rules.ts";
export type { RoutingRuleSource } from "./routing/merge-rules.ts";
export { routingRuleSchema } from "./routing/rule-schema.ts";
export { contractKindOf } from "./routing/vocabulary.ts";
export type { ErrorKind } from "./routing/vocabulary.ts";
export type {
  ArgumentMapping,
  FailedCall,
  Failure,
  FailureChain,
  FailureRouting,
  GivenFailure,
  ProposedCall,
  RepeatPolicy,
  Router,
  RouterOptions,
  RouteStep,
  RoutingDecision,
  RoutingExplanation,
  RoutingRule,
  RuleConditions,
  RuleExplanation,
  Severity,
  SucceededCall,
} from "./routing/types.ts";

// One tool asks another.
export { createRequests } from "./requests/requests.ts";
export type { RequestsOptions } from "./requests/requests.ts";
export type { Reply, RequestOptions, Requests, Send, ToolRequest } from "./requests/types.ts";

// Which tools ran in a session, with what and with which outcome.
export { extractTools } from "./extraction/extract-tools.ts";
export type { ExtractionSources } from "./extraction/extract-tools.ts";
export type { ExtractedEntry, ExtractedTool, KnownExecution, KnownTool, TakenEntry } from "./extraction/types.ts";

export { contextErrors } from "./errors.ts";
