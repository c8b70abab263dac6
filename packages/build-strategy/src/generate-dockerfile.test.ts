import { DockerfileParser } from "dockerfile-ast";
import { describe, expect, test } from "vitest";
import { makeRepository, now } from "../test/make-repository.ts";
import { templateCases } from "../test/templates.ts";
import { generateDockerfile, validateDockerfile } from "./index.ts";

describe.each(templateCases)("the template for $name", ({ files, module, has, lacks = [] }) => {
  test("says what it must, scores at least 85 and has no fault that a check knows", async () => {
    const root = await makeRepository(files);
    const generated = await generateDockerfile(root, { now, ...(module === undefined ? {} : { module }) });
    const { content } = generated.dockerfile;
    for (const part of has) expect(content).toContain(part);
    for (const part of lacks) expect(content).not.toContain(part);
    expect(generated.strategy.name).toBe("node-template");
    expect(generated.score).toBeGreaterThanOrEqual(85);
    const failed = generated.checks.filter((check) => !check.ok).map((check) => check.id);
    const expected = ["digest-pin", "frozen-install", "lockfile", "signals", "manifests-first"];
    expect(failed.filter((id) => !expected.includes(id))).toEqual([]);
    const errors = validateDockerfile(content).findings.filter((finding) => finding.severity === "error");
    expect(errors).toEqual([]);
    for (const one of DockerfileParser.parse(content).getInstructions()) expect(one.getKeyword()).toMatch(/^[A-Z]+$/);
  });
});
