/**
 * Random trees with random ignore files against the real docker CLI, and folders that are swapped for links to a canary
 * while they are read. Both are tests of docker-ops, run here at full count.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A file, the count at full length, and at CI's. The tests themselves assert that each case met what it is about. */
const PROOFS = [
  ["trees with ignore files against the docker CLI", "test/context.engine.test.ts", 500, 10],
  ["folders swapped while they are read", "src/context/changing-context.test.ts", 10_000, 100],
];

export async function run({ small }) {
  const proofs = [];
  for (const [name, file, full, part] of PROOFS) proofs.push(await prove(name, file, small ? part : full));
  return proofs;
}

async function prove(name, file, count) {
  const folder = mkdtempSync(join(tmpdir(), "context-chaos-"));
  const report = join(folder, "report.json");
  const args = ["run", "--project", "docker-ops", file, "--reporter=json", `--outputFile.json=${report}`];
  const env = { ...process.env, CONTAINER_KIT_CHAOS: String(count) };
  try {
    await new Promise((resolve) => {
      execFile(
        join(root, "node_modules", ".bin", "vitest"),
        [...args, "--testTimeout=3600000"],
        { cwd: root, env },
        resolve,
      );
    });
    const { testResults } = JSON.parse(readFileSync(report, "utf8"));
    const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
    const failures = tests.flatMap(({ status, title, failureMessages }) =>
      status === "failed" ? [`${title}: ${failureMessages.join(" ")}`] : [],
    );
    const skipped = tests.flatMap(({ status, title }) => (["passed", "failed"].includes(status) ? [] : [title]));
    const done = tests.some(({ status }) => status === "passed");
    return { name, count, fired: done ? count : 0, failures, skipped };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
