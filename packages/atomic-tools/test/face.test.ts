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
  expect(Object.keys(face).sort()).toEqual(["createBuiltinPlugin", "createPathPolicy", "toolErrors"]);
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
    "server_status ynyn",
  ]);
});
