import { createRuntime } from "@container-kit/atomic-runtime";
import { createRedactor } from "@container-kit/observability";
import { expect, test } from "vitest";
import * as face from "../src/index.ts";

const nothing = () => Promise.reject(new Error("not in this test"));
const plugin = face.createBuiltinPlugin({
  engine: nothing,
  checkLogin: nothing,
  environment: {},
  sessions: {} as never,
  paths: face.createPathPolicy({}),
  redactor: createRedactor(),
  describeServer: () => ({ versions: {}, toolsets: [] }),
});

test("the public face is exactly this", () => {
  expect(Object.keys(face).sort()).toEqual(["contextTypes", "createBuiltinPlugin", "createPathPolicy", "toolErrors"]);
});

test("the tools served by default come in the contract's order", () => {
  const runtime = createRuntime({ plugins: [plugin], sessions: {} as never });
  expect(runtime.list().map(({ name }) => name)).toEqual([
    "analyze_repository",
    "generate_dockerfile",
    "build_image",
    "pull_image",
    "push_image",
    "tag_image",
    "inspect_image",
    "validate_credentials",
    "list_sessions",
    "get_session",
    "get_job",
    "cancel_job",
    "server_status",
  ]);
});

test("each tool says whether it changes anything, destroys, repeats safely and reaches out", () => {
  const rows = plugin.tools.map(({ name, annotations }) => {
    const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations;
    return `${name} ${[readOnlyHint, destructiveHint, idempotentHint, openWorldHint].map((hint) => (hint ? "y" : "n")).join("")}`;
  });
  expect(rows).toEqual([
    "analyze_repository ynyn",
    "generate_dockerfile nyyn",
    "build_image nyyy",
    "pull_image nnyy",
    "push_image nyyy",
    "tag_image nyyn",
    "inspect_image ynyn",
    "validate_credentials ynyy",
    "probe_image nnyn",
    "list_sessions ynyn",
    "get_session ynyn",
    "get_job ynyn",
    "cancel_job nyyn",
    "server_status ynyn",
  ]);
});

test("each tool with effects tells the policies what it is about to do", () => {
  const silent = plugin.tools.filter(({ acts, annotations }) => !annotations.readOnlyHint && acts === undefined);
  expect(silent.map(({ name }) => name)).toEqual([]);
  const acts = (name: string, input: Record<string, unknown>) =>
    plugin.tools.find((tool) => tool.name === name)?.acts?.(input);
  expect([
    acts("generate_dockerfile", { path: ".", write: true }),
    acts("generate_dockerfile", { path: ".", write: false }),
    acts("build_image", { context: ".", tags: ["app"] }),
    acts("pull_image", { image: "node:20" }),
    acts("push_image", { image: "app:1", target: "r.example.com/app:1" }),
    acts("tag_image", { source: "app", target: "r.example.com/app:1" }),
    acts("tag_image", { source: "app", target: "team/app:1" }),
    acts("validate_credentials", { registry: "https://r.example.com:5000/v2/" }),
    acts("probe_image", { image: "app", port: 80 }),
    acts("cancel_job", { jobId: "j" }),
  ]).toEqual([
    { verb: "write" },
    { verb: "read" },
    { verb: "build" },
    { verb: "pull", registries: ["docker.io"] },
    { verb: "push", registries: ["r.example.com"] },
    { verb: "tag", registries: ["r.example.com"] },
    { verb: "tag" },
    { verb: "login", registries: ["r.example.com:5000"] },
    { verb: "run" },
    { verb: "cancel" },
  ]);
});

test("what depends on a registry names it, and what names none does not break", () => {
  const target = (name: string, input: Record<string, unknown>) =>
    plugin.tools.find((tool) => tool.name === name)?.target?.(input);
  expect(target("push_image", { image: "app", target: "r.example.com/app" })).toBe("r.example.com");
  expect(target("pull_image", { image: "node" })).toBe("docker.io");
  expect(target("pull_image", { image: "NO" })).toBeUndefined();
  expect(target("validate_credentials", { registry: "node" })).toBeUndefined();
});
