import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { configJsonSchema } from "./config-file.ts";

test("docs/container-kit.schema.json is the schema of the configuration file", async () => {
  const published = new URL("../../../../docs/container-kit.schema.json", import.meta.url);
  const text = await readFile(published, "utf8");
  expect(JSON.parse(text), "write it anew: container-kit config schema > docs/container-kit.schema.json").toEqual(
    configJsonSchema(),
  );
});
