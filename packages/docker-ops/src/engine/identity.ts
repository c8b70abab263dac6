/** Which engine it is that answers at an endpoint. */
export interface EngineIdentity {
  /** The engine's own id; empty where it does not tell. */
  readonly id: string;
  /** The name of the machine that it runs on. */
  readonly name: string;
}
