import { expect, test } from "vitest";
import { describeEachEngine, engineRequest, makeTinyImage } from "../src/index.ts";

describeEachEngine("images", (rig) => {
  const inspect = (reference: string) => engineRequest(rig.engine.host, "GET", `/images/${reference}/json`);

  test("two tiny images are never the same, and are gone after remove", async () => {
    const [first, second] = await Promise.all([makeTinyImage(rig), makeTinyImage(rig, { changes: ["LABEL a=b"] })]);
    expect(first.imageId).not.toBe(second.imageId);
    expect(first.reference).not.toBe(second.reference);
    expect((await inspect(first.reference)).json()).toMatchObject({ Id: first.imageId });
    expect((await inspect(second.reference)).json()).toMatchObject({ Config: { Labels: { a: "b" } } });
    for (const image of [first, second]) {
      await image.remove();
      expect((await inspect(image.imageId)).status).toBe(404);
    }
  });

  test("a tiny image with a shell runs", async () => {
    const image = await makeTinyImage(rig, { shell: true, changes: ['CMD ["sh", "-c", "exit 7"]'] });
    const { host } = rig.engine;
    const body = JSON.stringify({ Image: image.reference, HostConfig: { NetworkMode: "none" } });
    const headers = { "content-type": "application/json" };
    const created = await engineRequest(host, "POST", "/containers/create", { body, headers });
    const { Id } = created.json() as { Id: string };
    try {
      await engineRequest(host, "POST", `/containers/${Id}/start`);
      const ended = await engineRequest(host, "POST", `/containers/${Id}/wait`);
      expect(ended.json()).toMatchObject({ StatusCode: 7 });
    } finally {
      await engineRequest(host, "DELETE", `/containers/${Id}?force=true`);
      await image.remove();
    }
  });

  test("a stand-in bears its own name and says what is really in it", async () => {
    for (const standin of rig.standins) {
      expect(standin.image).toMatch(/^standin\//);
      const { Config } = (await inspect(standin.image)).json() as { Config: { Labels: object; Env: string[] } };
      expect(Config.Labels).toMatchObject({ "standin.of": standin.of, "standin.node": standin.node });
      expect(Config.Env).toContain(`NODE_VERSION=${standin.node}`);
    }
  });
});
