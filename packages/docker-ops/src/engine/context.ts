import type { Secret } from "@container-kit/observability";
import type { CredentialSource } from "../credentials/types.ts";
import type { FreshnessCache } from "../images/freshness.ts";
import type { PulledImage } from "../images/pulled-image.ts";
import type { SharedTransfers } from "../images/shared-transfers.ts";
import type { Turns } from "../images/turns.ts";
import type { Via } from "../types.ts";
import type { EngineProfile } from "./profile.ts";
import type { Transport } from "../wire/transport.ts";

/** What an operation works with: one connected engine and all that belongs to it. */
export interface EngineContext {
  readonly transport: Transport;
  readonly via: Via;
  /** What the engine can do, as it is now. */
  readonly profile: () => EngineProfile;
  /** Where `env:` references and the docker configuration are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly resolveCredential: CredentialSource;
  /** Whether the engine talks to this registry without TLS or with any certificate. */
  readonly isInsecure: (registry: string, signal: AbortSignal) => Promise<boolean>;
  /** From the image that a Dockerfile names to the one that is used in its place. */
  readonly baseImages: Readonly<Record<string, string>>;
  /** What registries said lately; emptied when the engine at the endpoint is another. */
  readonly freshness: FreshnessCache;
  /** The pulls that are under way. */
  readonly pulls: SharedTransfers<PulledImage>;
  /** Lets calls that change the same name run one after the other. */
  readonly turns: Turns;
  /** Tells whoever redacts of a secret that is about to be used. */
  readonly learnSecret: (secret: Secret) => void;
  /** Waits until an engine that went away answers again. @throws ENGINE_UNAVAILABLE when it does not come back in time */
  readonly waitUntilBack: (signal: AbortSignal) => Promise<void>;
}
