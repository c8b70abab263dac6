import { describeWithEngine, makeTinyImage, uniqueName } from "@container-kit/testkit";
import { expect, test } from "vitest";
import { openWorkbench } from "./server-on-rig.ts";

describeWithEngine("work on an engine that is not waited for", (rig) => {
  test("a build becomes a job at once: its result, its log and its image are there when it has ended", async () => {
    const bench = await openWorkbench(rig);
    const image = await makeTinyImage(rig);
    const tag = `${uniqueName()}:1`;
    try {
      const context = bench.files("job", { Dockerfile: `FROM ${image.reference}\nLABEL a=${uniqueName()}\n` });
      const begun = await bench.call("build_image", { context, tags: [tag], wait: false });
      const { jobId } = begun.result as { jobId: string };
      expect(begun).toMatchObject({ ok: true, result: { status: "running" }, next: [{ tool: "get_job" }] });
      const job = async () => (await bench.call("get_job", { jobId })).result;
      await expect.poll(job, { timeout: 60_000 }).toMatchObject({
        status: "completed",
        result: { tags: [tag], log: `job://${jobId}/log` },
      });
      expect(await bench.call("inspect_image", { image: tag })).toMatchObject({ ok: true });
    } finally {
      await bench.close();
      await image.remove();
    }
  });
});
