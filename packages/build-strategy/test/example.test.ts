import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { generateDockerfile } from "../src/index.ts";
import { now } from "./make-repository.ts";

const example = fileURLToPath(new URL("../../../examples/express-api", import.meta.url));

test("the example's Dockerfile scores at least 90 and fails only the pin that needs a registry", async () => {
  const generated = await generateDockerfile(example, { strategy: "node-template", now });
  expect(generated.score).toBeGreaterThanOrEqual(90);
  expect(generated.checks.filter((check) => !check.ok).map((check) => check.id)).toEqual(["digest-pin"]);
  expect(generated.warnings).toEqual([]);
  expect(generated.dockerfile.content).toContain('CMD ["node","src/server.js"]');
  expect(generated.dockerfile.content).toContain("/health");
});
