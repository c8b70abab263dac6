import { expect, test } from "vitest";
import { describeWithDocker, engineRequest, makeTinyImage, startPrivateEngine, uniqueName } from "../src/index.ts";
import type { RigEngine } from "../src/index.ts";
import { tidyEngine } from "../src/rig/tidy.ts";

describeWithDocker("tidying an engine of ours", () => {
  test("what tests left goes when it is old, what others made stays, and an engine of the user's is not asked", async () => {
    const own = await startPrivateEngine();
    try {
      const engine: RigEngine = { kind: "docker", version: "", reason: "", host: own.host, private: true };
      const ours = await makeTinyImage({ engine }, { changes: ['CMD ["sleep"]'] });
      const others = await makeTinyImage({ engine }, { reference: "standin/x:1" });
      await engineRequest(own.host, "POST", `/images/${others.imageId}/tag?repo=${uniqueName()}&tag=1`);
      const body = JSON.stringify({ Image: ours.reference });
      const headers = { "content-type": "application/json" };
      const made = await engineRequest(own.host, "POST", "/containers/create", { headers, body });
      expect(made.status).toBe(201);

      expect(await tidyEngine({ ...engine, private: false }, { olderThanMs: -60_000 })).toMatchObject({ images: 0 });
      expect(await tidyEngine(engine)).toEqual({ containers: 0, images: 0, cache: 0, complete: true });
      expect(await tidyEngine(engine, { olderThanMs: -60_000 })).toMatchObject({
        containers: 1,
        images: 2,
        complete: true,
      });
      expect((await engineRequest(own.host, "GET", `/images/${ours.reference}/json`)).status).toBe(404);
      expect((await engineRequest(own.host, "GET", "/images/standin/x:1/json")).status).toBe(200);
      expect(await tidyEngine(engine, { patienceMs: 0 })).toMatchObject({ complete: false });
    } finally {
      await own.close();
    }
  }, 60_000);
});
