/** Which engine it is that answers at an endpoint: two engines differ in at least one of these. */
export interface EngineIdentity {
  /**
   * The engine's own id; empty where it does not tell, and for Podman, which makes a new one up for every answer. Docker
   * 20.10 keeps it for the machine, not for the engine.
   */
  readonly id: string;
  /** The name of the machine that it runs on. */
  readonly name: string;
  /** Where it keeps its images there. */
  readonly root: string;
}

export function isSameEngine(one: EngineIdentity, other: EngineIdentity): boolean {
  return one.id === other.id && one.name === other.name && one.root === other.root;
}
