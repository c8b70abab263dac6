import { Secret } from "@container-kit/observability";
import { expect, test } from "vitest";
import { z } from "zod";
import { rig, running, tool } from "../test/rig.ts";

const strict = tool({
  input: z.object({
    image: z.string().min(1),
    tags: z.array(z.string()),
    platform: z.enum(["linux/amd64", "linux/arm64"]).optional(),
    from: z.union([z.string(), z.object({ path: z.string() })]).optional(),
  }),
});

async function issuesOf(input: unknown): Promise<unknown> {
  const outcome = await rig([strict]).runtime.execute({ tool: "copy_text", input });
  if (outcome.ok) throw new Error("expected a failure");
  expect(outcome.error.code).toBe("INVALID_INPUT");
  return outcome.error.details?.["issues"];
}

test("every issue of a bad input is told at once, each with its path", async () => {
  expect(await issuesOf({ tags: ["a", 7], platform: "windows", from: { pth: 1 } })).toEqual([
    { path: "image", message: "is missing: expected string" },
    { path: "tags[1]", message: "expected string, received number" },
    { path: "platform", message: 'Invalid option: expected one of "linux/amd64"|"linux/arm64"' },
    { path: "from", message: "expected string, received object, or path: is missing: expected string" },
  ]);
});

test("an unknown field is refused, and the one that was meant is named", async () => {
  expect(await issuesOf({ image: "a", tags: [], tgas: [], Dry_Run: true, colour: 1 })).toEqual([
    { path: "tgas", message: "is not a field here; did you mean tags?" },
    { path: "Dry_Run", message: "is not a field here; did you mean dryRun?" },
    { path: "colour", message: "is not a field here" },
  ]);
});

test.each([[undefined], [null]])("an absent input counts as an empty one: %s", async (input) => {
  const { runtime } = rig([tool({ input: z.object({}), run: () => Promise.resolve({ text: "x" }) })]);
  expect(await runtime.execute({ tool: "copy_text", input })).toMatchObject({ ok: true });
});

test.each([["text"], [[1, 2]], [7]])("an input that is not an object is INVALID_INPUT: %j", async (input) => {
  expect(await issuesOf(input)).toEqual([{ path: "", message: expect.stringContaining("expected object") }]);
});

test("a hundred thousand bad items are answered with the first hundred", async () => {
  const issues = await issuesOf({ image: "a", tags: Array.from({ length: 100_000 }, () => 1) });
  expect(issues).toHaveLength(101);
  expect(issues).toContainEqual({ path: "", message: "and 99900 more" });
});

test("a refused value is never repeated, and a secret in a field's name is masked", async () => {
  const secret = "hunter22-hunter22";
  const { runtime, sessions } = rig([strict]);
  const { sessionId } = await runtime.execute({ tool: "copy_text", input: { image: "a", tags: [] } });
  const outcome = await runtime.execute({
    tool: "copy_text",
    input: { sessionId, image: { pass: secret }, tags: secret, platform: secret, [`TOKEN=${secret}`]: 1 },
  });
  expect(outcome).toMatchObject({ ok: false, error: { code: "INVALID_INPUT" } });
  expect(JSON.stringify([outcome, sessions.executions, runtime.render(outcome)])).not.toContain(secret);
});

test("the tool gets its own fields only, with defaults filled in", async () => {
  let seen: unknown;
  const { runtime } = rig([
    running((input) => {
      seen = input;
      return Promise.resolve({ text: "x" });
    }),
  ]);
  await runtime.execute({ tool: "copy_text", input: { text: "a", dryRun: false, idempotencyKey: "k" } });
  expect(seen).toEqual({ text: "a", times: 1 });
});

test("bad input in a known session is recorded there, without the input", async () => {
  const { runtime, sessions } = rig([strict]);
  const { sessionId } = await runtime.execute({ tool: "copy_text", input: { image: "a", tags: [] } });
  const outcome = await runtime.execute({ tool: "copy_text", input: { sessionId, image: 1 } });
  expect(outcome).toMatchObject({ ok: false, sessionId, executionId: "e2" });
  expect(sessions.executions[1]).toMatchObject({
    input: null,
    end: { status: "failed", error: { code: "INVALID_INPUT" } },
  });
});

test("bad input without a session is recorded in one of its own", async () => {
  const { runtime, sessions } = rig([strict]);
  const outcome = await runtime.execute({ tool: "copy_text", input: { image: 1 } });
  expect(outcome).toMatchObject({ ok: false, sessionId: "s1", executionId: "e1", error: { code: "INVALID_INPUT" } });
  expect(sessions.executions).toMatchObject([{ sessionId: "s1", input: null }]);
});

test("bad input with a session that is gone opens none and is not recorded", async () => {
  const { runtime, sessions } = rig([strict]);
  const outcome = await runtime.execute({ tool: "copy_text", input: { image: 1, sessionId: "gone" } });
  expect(outcome).toMatchObject({ ok: false, sessionId: "", executionId: "", error: { code: "INVALID_INPUT" } });
  expect(sessions.opened).toEqual([]);
  expect(sessions.executions).toEqual([]);
});

test("an input is recorded redacted", async () => {
  const { runtime, sessions } = rig([tool({ input: z.object({ args: z.record(z.string(), z.unknown()) }) })]);
  const args = { NPM_TOKEN: "abcd1234", secret: new Secret("efgh5678"), plain: "x" };
  await runtime.execute({ tool: "copy_text", input: { args } });
  expect(sessions.executions[0]?.input).toEqual({
    args: { NPM_TOKEN: "[redacted]", secret: "[redacted]", plain: "x" },
  });
});
