import type { Engine } from "@container-kit/docker-ops";

/** The engine of this process, looked for when it is first needed. */
export interface EngineSource {
  /** The same engine for everybody; after a failure the next caller looks anew. */
  get(): Promise<Engine>;
  close(): Promise<void>;
}

export function createEngineSource(connect: () => Promise<Engine>): EngineSource {
  let current: Promise<Engine> | undefined;
  return {
    get() {
      if (current !== undefined) return current;
      const attempt = connect();
      current = attempt;
      attempt.catch(() => {
        if (current === attempt) current = undefined;
      });
      return attempt;
    },
    async close() {
      const engine = await current?.catch(() => undefined);
      current = undefined;
      await engine?.close();
    },
  };
}
