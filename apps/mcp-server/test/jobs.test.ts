/** Jobs in the built server, as its clients and other processes meet them. */
import type { SpawnedServer } from "@container-kit/testkit";
import { expect, test } from "vitest";
import { callTool, openWorkshop } from "./built-server.ts";
import type { Workshop } from "./built-server.ts";

const SOON = { timeout: 15_000, interval: 20 };

const jobOf = async (server: SpawnedServer, jobId: string) => (await callTool(server, "get_job", { jobId })).result;
const statusOf = async (server: SpawnedServer, jobId: string) => (await jobOf(server, jobId))["status"];

/** A job that has begun to make its file. */
async function beginJob(shop: Workshop, server: SpawnedServer, name: string, more: object = {}): Promise<string> {
  const { ok, jobId = "" } = await callTool(server, "make_slowly", { ...shop.input(name), ...more, wait: false });
  expect([ok, jobId]).toEqual([true, expect.stringMatching(/^job_/)]);
  await expect.poll(() => shop.made(name), SOON).toBe("half");
  return jobId;
}

test("a call that is not waited for is answered with a job, which tells its progress and then its result", async () => {
  const shop = await openWorkshop();
  const server = await shop.serve();
  const jobId = await beginJob(shop, server, "a");
  await expect
    .poll(() => jobOf(server, jobId), SOON)
    .toMatchObject({ status: "running", progress: { message: expect.stringMatching(/^step \d+$/) }, result: null });
  await shop.letEnd("a");
  await expect
    .poll(() => jobOf(server, jobId), SOON)
    .toMatchObject({ status: "completed", result: { file: shop.input("a").file }, error: null });
  expect(shop.made("a")).toBe("whole");
});

test("a server whose client has gone ends when its jobs have, by itself; until then others see them run", async () => {
  const shop = await openWorkshop();
  const [owner, other] = await Promise.all([shop.serve(), shop.serve()]);
  const jobId = await beginJob(shop, owner, "a");
  let ended = false;
  const exited = owner.client.close().then(() => owner.exited);
  void exited.then(() => (ended = true));
  expect(await statusOf(other, jobId)).toBe("running");
  expect(ended).toBe(false);
  await shop.letEnd("a");
  expect(await exited).toEqual({ code: 0, signal: null });
  expect([await statusOf(other, jobId), shop.made("a")]).toEqual(["completed", "whole"]);
});

test("a signal ends a server that only its job keeps; the job is undone, and says why it ended", async () => {
  const shop = await openWorkshop();
  const [owner, other] = await Promise.all([shop.serve(), shop.serve()]);
  const jobId = await beginJob(shop, owner, "a");
  await owner.client.close();
  expect(await owner.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  const job = await jobOf(other, jobId);
  expect(job).toMatchObject({ error: { code: "INTERRUPTED", retryable: true } });
  expect([job["status"] === "running", shop.made("a")]).toEqual([false, undefined]);
});

test("a server with nothing to do ends within a second of its client", async () => {
  const shop = await openWorkshop();
  const server = await shop.serve();
  await callTool(server, "list_sessions");
  const begun = performance.now();
  const { code } = await server.close();
  expect([code, performance.now() - begun < 1_000]).toEqual([0, true]);
});

test("another server cancels a job within a second, and what it made is gone", async () => {
  const shop = await openWorkshop();
  const [owner, other] = await Promise.all([shop.serve(), shop.serve()]);
  const jobId = await beginJob(shop, owner, "a");
  const { result } = await callTool(other, "cancel_job", { jobId });
  expect(result).toMatchObject({ jobId, cancelRequested: true });
  await expect.poll(() => statusOf(other, jobId), { timeout: 1_000, interval: 20 }).toBe("cancelled");
  expect(shop.made("a")).toBeUndefined();
});

test("a job whose server was killed is told as interrupted, and another server undoes it", async () => {
  const shop = await openWorkshop();
  const [owner, other] = await Promise.all([shop.serve(), shop.serve()]);
  const jobId = await beginJob(shop, owner, "a");
  await owner.kill("SIGKILL");
  await expect.poll(() => statusOf(other, jobId), SOON).toBe("interrupted");
  await expect.poll(() => shop.made("a"), SOON).toBeUndefined();
  expect(await statusOf(other, jobId)).toBe("interrupted");
});

test("call prints the job at once, ends after it, and with its status", async () => {
  const shop = await openWorkshop();
  const call = (name: string, input: object = {}, ...flags: readonly string[]) =>
    shop.run([
      "call",
      "make_slowly",
      ...flags,
      "--input",
      JSON.stringify({ ...shop.input(name), ...input, wait: false }),
    ]);
  await shop.letEnd("a");
  const fine = await call("a");
  expect(fine).toMatchObject({ code: 0, stdout: expect.stringMatching(/goes on as a job[^]*jobId: job_/) });
  expect(fine.stderr).toMatch(/^job_\w+: completed\n$/);
  expect(shop.made("a")).toBe("whole");
  await shop.letEnd("b");
  const broken = await call("b", { fail: true }, "--json");
  expect(broken).toMatchObject({ code: 1, stderr: expect.not.stringContaining(": failed") });
  const { jobId } = JSON.parse(broken.stdout) as { jobId: string };
  const job = await shop.run(["call", "get_job", "--json", "--input", JSON.stringify({ jobId })]);
  expect(JSON.parse(job.stdout)).toMatchObject({ result: { status: "failed" } });
  expect(shop.made("b")).toBeUndefined();
});

test("call ends with 130 when a signal stops the job that it had begun", async () => {
  const shop = await openWorkshop();
  let pid = 0;
  const input = JSON.stringify({ ...shop.input("a"), wait: false });
  const ran = shop.run(["call", "make_slowly", "--input", input], { onStart: (started) => (pid = started) });
  await expect.poll(() => shop.made("a"), SOON).toBe("half");
  process.kill(pid, "SIGINT");
  expect(await ran).toMatchObject({ code: 130, stderr: expect.stringContaining("[INTERRUPTED]") });
  expect(shop.made("a")).toBeUndefined();
});
