import { createRuntime } from "@container-kit/atomic-runtime";
import { contextTypes, createBuiltinPlugin, createPathPolicy } from "@container-kit/atomic-tools";
import { createRedactor } from "@container-kit/observability";
import { expect, test } from "vitest";
import { createToolList } from "./tool-list.ts";

const nothing = () => Promise.reject(new Error("not in this test"));
const runtime = createRuntime({
  plugins: [
    createBuiltinPlugin({
      engine: nothing,
      checkLogin: nothing,
      environment: {},
      sessions: {} as never,
      paths: createPathPolicy({}),
      redactor: createRedactor(),
      describeServer: () => ({ versions: {}, toolsets: [] }),
    }),
  ],
  sessions: {} as never,
  // With it the inputs say what may be left out, as the server's do.
  context: { register: () => {}, types: () => contextTypes.map(({ name }) => name) } as never,
});
const { result, json } = createToolList(runtime);

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly [keyword: string]: unknown;
}

test("the tools served by default cost at most 4,300 tokens, at four characters each", () => {
  expect(JSON.parse(json)).toEqual(result);
  expect(JSON.stringify(result.tools).length / 4).toBeLessThanOrEqual(4300);
});

test("every tool keeps its title, description, four hints, and the name of every field and of every member of its result", () => {
  const namesOf = (schema: unknown) => Object.keys((schema as Schema).properties ?? {});
  const resultOf = (schema: unknown) => (schema as Schema).properties?.["result"];
  for (const [index, whole] of runtime.list().entries()) {
    const listed = result.tools[index];
    const { name, title, description, annotations } = whole;
    expect(listed).toMatchObject({ name, title, description, annotations });
    expect(namesOf(listed?.inputSchema)).toEqual(namesOf(whole.inputSchema));
    expect(namesOf(resultOf(listed?.outputSchema))).toEqual(namesOf(resultOf(whole.outputSchema)));
    expect(listed?.inputSchema.required).toEqual(whole.inputSchema["required"]);
    expect(listed?.inputSchema).toMatchObject({ type: "object", additionalProperties: false });
    expect(listed?.outputSchema?.type).toBe("object");
  }
});

test("what a tool wants of a field beside its type is in the words that stay", () => {
  const build = result.tools.find(({ name }) => name === "build_image")?.inputSchema as unknown as Schema;
  expect(build.properties?.["secrets"]).toEqual({
    type: "array",
    description: "for RUN --mount=type=secret; from env:NAME or file:PATH",
    items: {
      type: "object",
      properties: { id: { type: "string" }, from: { type: "string" } },
      required: ["id", "from"],
    },
  });
  expect(build.properties?.["dryRun"]).toEqual({ type: "boolean" });
});
