/** Where an engine listens, and how we came to look there. */
export interface EngineEndpoint {
  /** `unix:///path`, `tcp://host:port`, `https://…`, `ssh://…`, as the docker CLI writes it. */
  readonly host: string;
  /** Which rule named it, e.g. `DOCKER_HOST` or `docker context "colima"`. */
  readonly source: string;
  /** The private engine of Container Kit's own set-up, found because nothing else was. */
  readonly isPrivate?: boolean;
  /** The docker context that named it. */
  readonly context?: string;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly verify: boolean };
}
