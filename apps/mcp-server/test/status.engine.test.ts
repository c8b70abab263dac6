import { expect, test } from "vitest";
import { describeWithEngine, makeTinyImage, startEngineProxy, uniqueName } from "@container-kit/testkit";
import { openWorkbench } from "./server-on-rig.ts";

describeWithEngine("the server's status and its next steps", (rig) => {
  test("an engine that went away is told as such, and its operations stay counted", async () => {
    const proxy = await startEngineProxy({ target: rig.engine.host });
    const bench = await openWorkbench(rig, { DOCKER_HOST: proxy.host });
    try {
      await bench.call("inspect_image", { image: rig.standins[0]?.image ?? "none:1" });
      const before = await bench.call("server_status", {});
      expect(before.result).toMatchObject({
        engine: { available: true, via: "api" },
        health: { status: "ok" },
        operations: { inspect: { count: 1 } },
      });
      await proxy.close();
      const after = await bench.call("server_status", {});
      expect(after.result).toMatchObject({
        engine: { available: false, remedy: expect.stringContaining("DOCKER_HOST") },
        health: { status: "degraded", reasons: [expect.stringContaining("ENOENT")] },
      });
    } finally {
      await bench.close();
    }
  });

  test("a push is offered for the name that has a registry, and else says that one has to be named", async () => {
    const bench = await openWorkbench(rig);
    const image = await makeTinyImage(rig);
    try {
      const context = bench.files("next", { Dockerfile: `FROM ${image.reference}\nLABEL a=${uniqueName()}\n` });
      const plain = `${uniqueName()}:1`;
      const named = `${rig.registry.host}/${uniqueName()}:1`;
      const both = await bench.call("build_image", { context, tags: [plain, named] });
      expect(both.next).toMatchObject([{ tool: "push_image", arguments: { image: named } }]);
      const one = await bench.call("tag_image", { source: plain, target: `${uniqueName()}:2` });
      expect(one.next[0]?.reason).toContain("Docker Hub");
      const missing = await bench.call("pull_image", { image: `${rig.registry.host}/${uniqueName()}:1`, dryRun: true });
      expect(missing.error.code).toBe("IMAGE_NOT_FOUND");
    } finally {
      await bench.close();
      await image.remove();
    }
  });
});
