/**
 * What a plugin may bring besides tools: scanners, build strategies, credential sources and policy rules.
 *
 * - R1  Plain data goes in and comes out; both sides of a process border check it against the schemas here.
 * - R2  A role has one method. The runtime collects and checks; the packages of each domain decide whom they ask.
 */
import type { Logger } from "@container-kit/observability";
import { z } from "zod";

const line = (longest: number): z.ZodString => z.string().max(longest);

const scanRequest = z.object({
  kind: z.enum(["path", "image", "report"]),
  /** A folder or file, an image reference, or the path of a report. */
  target: line(4_096),
});

const finding = z.object({
  /** Stable name of what was looked for, e.g. `todo` or `CVE-2024-1`. */
  rule: line(200).min(1),
  severity: z.enum(["critical", "high", "medium", "low", "negligible", "unknown"]),
  message: line(2_000),
  file: line(4_096).optional(),
  line: z.number().int().min(1).optional(),
  column: z.number().int().min(1).optional(),
  package: z.object({ name: line(500), version: line(200), fixedIn: line(200).optional() }).optional(),
  remedy: line(2_000).optional(),
});

const strategyRequest = z.object({ path: line(4_096) });
const strategyPlan = z
  .object({
    /** 0 to 100: how well the strategy fits. */
    score: z.number().min(0).max(100),
    reasons: z.array(line(500)).max(20),
    dockerfile: line(256 * 1024),
    dockerignore: line(64 * 1024).optional(),
  })
  .nullable();

const credentialRequest = z.object({ registry: line(300) });
const credential = z.object({ username: line(1_000), password: line(64 * 1024) }).nullable();

/** What a {@link Scanner} is asked. */
export type ScanRequest = z.output<typeof scanRequest>;
/** One thing that a {@link Scanner} found. */
export type Finding = z.output<typeof finding>;
/** What a {@link Strategy} is asked: about a source tree. */
export type StrategyRequest = z.output<typeof strategyRequest>;
/** How a {@link Strategy} would build it; null when it does not fit. */
export type StrategyPlan = z.output<typeof strategyPlan>;
/** What a {@link CredentialSource} is asked. */
export type CredentialRequest = z.output<typeof credentialRequest>;
/** What a {@link CredentialSource} knows; null when it knows nothing of that registry. */
export type FoundCredential = z.output<typeof credential>;

/** What an extension is handed besides its request. */
export interface ExtensionContext {
  /** Aborts on cancellation and on the deadline. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

interface Extension {
  /** snake_case, as a tool's name. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
}

/** Looks at a path, an image or a report and says what it found. */
export interface Scanner extends Extension {
  readonly describes: readonly ScanRequest["kind"][];
  scan(request: ScanRequest, context: ExtensionContext): Promise<readonly Finding[]>;
}

/** Says how a source tree would be built. */
export interface Strategy extends Extension {
  plan(request: StrategyRequest, context: ExtensionContext): Promise<StrategyPlan>;
}

/** Knows the credentials of registries. */
export interface CredentialSource extends Extension {
  find(request: CredentialRequest, context: ExtensionContext): Promise<FoundCredential>;
}

/** Rules for the policy engine: plain data of the form that `policy` has in container-kit.yaml. */
export type PolicyData = Readonly<Record<string, unknown>>;

/** Per role: its method, and what goes in and comes out of it. */
export const ROLES = {
  scanners: { method: "scan", request: scanRequest, result: z.array(finding).max(10_000) },
  strategies: { method: "plan", request: strategyRequest, result: strategyPlan },
  credentialSources: { method: "find", request: credentialRequest, result: credential },
} as const;

/** The name of a role as a plugin has it. */
export type RoleName = keyof typeof ROLES;

/** The roles in a fixed order. */
export const ROLE_NAMES = Object.keys(ROLES) as readonly RoleName[];
