import { appendFileSync, writeFileSync } from "node:fs";
import { test } from "vitest";
import { makeRepository, now } from "../test/make-repository.ts";
import { templateCases } from "../test/templates.ts";
import { generateDockerfile } from "./index.ts";
test("dump", async () => {
  writeFileSync("/tmp/bs/dump.txt", "");
  for (const c of templateCases) {
    const root = await makeRepository(c.files);
    const g = await generateDockerfile(root, { now, ...(c.module === undefined ? {} : { module: c.module }) });
    appendFileSync("/tmp/bs/dump.txt", `\n######## ${c.name} ${g.score} ${g.dockerfile.path} ctx=${g.context} ${g.dockerignore.path}\n${g.dockerfile.content}\n${g.warnings.map((w) => `${w.code} ${w.message}`).join("\n")}\nBAD: ${g.checks.filter((x) => !x.ok).map((x) => x.id + " " + x.message).join("\n")}\n`);
  }
});
