/** What a server that died made is taken back by the next one, on a real engine. */
import { expect, test } from "vitest";
import {
  describeWithEngine,
  engineRequest,
  makeTinyImage,
  spawnServer,
  startEngineProxy,
  uniqueName,
} from "@container-kit/testkit";
import { CLI, openWorkbench } from "./server-on-rig.ts";

describeWithEngine("undoing after a death", (rig) => {
  test("kill -9 between two names of a new image: the next server takes both and the image away", async () => {
    const [moved, fresh] = [`${uniqueName()}:1`, `${uniqueName()}:1`];
    // The second name hangs, so that the first is given for certain when the server dies.
    const rule = { match: /^POST .*\/images\/[^/]+\/tag/, fault: { kind: "hang" }, skip: 1 } as const;
    const proxy = await startEngineProxy({ target: rig.engine.host, rules: [rule] });
    const bench = await openWorkbench(rig, { DOCKER_HOST: proxy.host });
    const image = await makeTinyImage(rig);
    const idOf = async (name: string): Promise<string | null> => {
      const answer = await engineRequest(rig.engine.host, "GET", `/images/${encodeURIComponent(name)}/json`);
      return answer.status === 200 ? (answer.json() as { Id: string }).Id : null;
    };
    try {
      await engineRequest(rig.engine.host, "POST", `/images/${image.reference}/tag?repo=${moved.slice(0, -2)}&tag=1`);
      const context = bench.files("undo", { Dockerfile: `FROM ${image.reference}\nLABEL a=${uniqueName()}\n` });
      const answer = bench.call("build_image", { context, tags: [moved, fresh] }).catch(() => "died");
      await expect.poll(() => proxy.fired(rule), { timeout: 20_000 }).toBe(1);
      const built = await idOf(moved);
      expect([built === image.imageId, await idOf(fresh)]).toEqual([false, null]);
      await bench.server.kill();
      expect(await answer).toBe("died");
      const next = await spawnServer({ cli: CLI, env: { ...bench.env, DOCKER_HOST: rig.engine.host } });
      try {
        await expect.poll(() => idOf(moved), { timeout: 20_000 }).toBe(image.imageId);
        await expect.poll(() => idOf(built ?? ""), { timeout: 20_000 }).toBeNull();
      } finally {
        await next.close();
      }
    } finally {
      await bench.close();
      await proxy.close();
      await image.remove();
    }
  });
});
