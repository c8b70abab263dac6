/**
 * The main job as an agent does it: a real client over stdio that knows nothing but the tools' own descriptions and
 * what each answer says comes next.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithEngine, uniqueName } from "@container-kit/testkit";
import { openWorkbench } from "./server-on-rig.ts";
import type { Workbench } from "./server-on-rig.ts";

describeWithEngine("an agent over MCP", (rig) => {
  let bench: Workbench;

  beforeAll(async () => {
    bench = await openWorkbench(rig);
  });

  afterAll(() => bench.close());

  test("takes the example from its source to a digest in the registry, by the answers alone", async () => {
    const path = bench.example("express-api");
    const { tools } = await bench.server.client.listTools();
    const first = tools.find(({ description }) => /first step of a containerization/i.test(description ?? ""));
    const repository = uniqueName("agent");
    let tool = first?.name ?? "";
    let input: Record<string, unknown> = { path };
    let sessionId: string | undefined;
    const visited: string[] = [];
    for (let step = 0; step < 6; step += 1) {
      const outcome = await bench.call(tool, { ...input, ...(sessionId === undefined ? {} : { sessionId }) });
      expect(outcome, JSON.stringify(outcome.error)).toMatchObject({ ok: true, tool });
      visited.push(tool);
      ({ sessionId } = outcome);
      if (tool === "push_image") {
        const digest: string = outcome.result.digest;
        expect(outcome.result).toMatchObject({ verified: true });
        const truth = await bench.askRegistry("HEAD", `/v2/${repository}/manifests/${digest}`);
        expect(truth.status).toBe(200);
        expect(truth.headers.get("docker-content-digest")).toBe(digest);
        break;
      }
      const [next] = outcome.next;
      if (next === undefined) throw new Error(`${tool} says nothing about what comes next`);
      tool = next.tool;
      // The registry is the one thing that only the person who asks can know; the reason of the step says where it goes.
      input = {
        ...next.arguments,
        ...(tool === "push_image" && /`target`/.test(next.reason)
          ? { target: `${rig.registry.host}/${repository}:1.0.0` }
          : {}),
      };
    }
    expect(visited).toEqual(["analyze_repository", "generate_dockerfile", "build_image", "push_image"]);
    const record = await bench.call("get_session", { sessionId });
    expect(
      record.result.executions.map(({ tool: name, status }: { tool: string; status: string }) => `${name} ${status}`),
    ).toEqual(visited.map((name) => `${name} completed`));
    expect(record.result.jobs.map(({ status }: { status: string }) => status)).toEqual(["completed", "completed"]);
  });

  test("gets progress that only goes forward, and none after the answer", async () => {
    const context = bench.files("progress", {
      Dockerfile: `FROM ${rig.standins[0]?.of ?? "busybox"}\nRUN echo ${uniqueName()}; sleep 1\nRUN sleep 1\n`,
    });
    const seen: number[] = [];
    let answered = false;
    const outcome = await bench.call(
      "build_image",
      { context, tags: [`${uniqueName()}:1`] },
      {
        onprogress: ({ progress }) => {
          expect(answered).toBe(false);
          seen.push(progress);
        },
      },
    );
    answered = true;
    expect(outcome.ok).toBe(true);
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
    const log = await bench.server.client.readResource({ uri: outcome.result.log });
    expect(JSON.stringify(log.contents)).toContain("RUN sleep 1");
  });

  test("may try everything with dryRun, and nothing changes", async () => {
    const path = bench.example("dry");
    const generated = await bench.call("generate_dockerfile", { path, dryRun: true });
    expect(generated).toMatchObject({ ok: true, dryRun: true });
    const built = await bench.call("build_image", { context: path, tags: ["dry:1"], dryRun: true });
    // The Dockerfile was not written, so the dry run of the build finds none: it really looked.
    expect(built).toMatchObject({ ok: false, error: { code: "NOT_FOUND" } });
    expect(await bench.call("inspect_image", { image: "dry:1" })).toMatchObject({ error: { code: "IMAGE_NOT_FOUND" } });
    const pushed = await bench.call("push_image", {
      image: rig.standins[0]?.image ?? "",
      target: `${rig.registry.host}/dry:1`,
      dryRun: true,
    });
    expect(pushed).toMatchObject({ ok: true, dryRun: true, result: { digest: null, verified: false } });
    expect((await bench.askRegistry("HEAD", "/v2/dry/manifests/1")).status).toBe(404);
  });

  test("repeats a call with the same idempotency key and gets the first outcome", async () => {
    const input = {
      source: rig.standins[0]?.image ?? "",
      target: `${uniqueName("once")}:1`,
      idempotencyKey: uniqueName("key"),
    };
    const first = await bench.call("tag_image", input);
    const second = await bench.call("tag_image", input);
    expect(first.ok).toBe(true);
    expect(second.executionId).toBe(first.executionId);
    expect(second.result).toEqual(first.result);
    expect(await bench.call("tag_image", { ...input, target: "other:1" })).toMatchObject({
      error: { code: "CONFLICT" },
    });
  });

  test("sees protocol and nothing else on stdout", () => {
    expect(bench.server.impurities()).toEqual([]);
  });
});
