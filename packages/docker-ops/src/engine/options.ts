import type { Logger, Secret } from "@container-kit/observability";
import type { EngineEndpoint } from "../endpoint/types.ts";
import type { Transport } from "../wire/transport.ts";
import type { EngineIdentity } from "./identity.ts";
import type { EngineInfo } from "./info.ts";
import type { EngineProfile } from "./profile.ts";

/** How `connectEngine` finds and uses an engine. Everything has a default. */
export interface ConnectOptions {
  /** An endpoint as DOCKER_HOST writes it; it wins over everything else. */
  readonly host?: string;
  /** Where DOCKER_HOST and its like are read from; `process.env` by default. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** From the image that a Dockerfile names to the one that is built on in its place; none by default. */
  readonly baseImages?: Readonly<Record<string, string>>;
  /**
   * References to credentials that win over the docker configuration, `[REGISTRY=]env:USER_VARIABLE,PASSWORD_VARIABLE`
   * or `[REGISTRY=]file:PATH`; none by default. One without REGISTRY goes to every registry that an operation names.
   */
  readonly credentials?: readonly string[];
  /** How long what a registry said about a tag is taken for current by a pull, in milliseconds; half an hour by default. */
  readonly freshForMs?: number;
  readonly logger?: Logger;
  /** Is told every secret that is used, so that it can be masked in all text. */
  readonly onSecret?: (secret: Secret) => void;
  /** Is told when another engine answers at the endpoint than before. */
  readonly onEngineChanged?: (before: EngineIdentity, after: EngineIdentity) => void;
  readonly signal?: AbortSignal;
  /** Milliseconds that one candidate may take to answer; 5,000 by default, 20,000 where the docker program connects. */
  readonly connectTimeoutMs?: number;
}

/** An endpoint that answered. */
export interface Connection {
  readonly endpoint: EngineEndpoint;
  readonly transport: Transport;
  readonly profile: EngineProfile;
  readonly info: EngineInfo;
  /** What tells whether the socket was made anew since. */
  readonly socket: string | null;
}
