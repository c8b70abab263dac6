/** What makes a Dockerfile one that no builder accepts, and what is surely a slip. */
import { copyPaths } from "./build-checks.ts";
import { execWords } from "./model.ts";
import type { DockerfileModel, Instruction } from "./model.ts";
import { splitWords } from "./words.ts";

/** How much a finding weighs. */
export type Severity = "error" | "warning" | "info";

/** One thing that is wrong, and where. */
export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  readonly message: string;
  /** What to write instead, where that is certain. */
  readonly fix?: string;
}

const known = [
  "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL",
  "STOPSIGNAL USER VOLUME WORKDIR",
].flatMap((line) => line.split(" "));

const flagsOf: Readonly<Record<string, readonly string[]>> = {
  ADD: ["chown", "chmod", "link", "checksum", "keep-git-dir", "exclude", "unpack"],
  COPY: ["from", "chown", "chmod", "link", "parents", "exclude"],
  FROM: ["platform"],
  HEALTHCHECK: ["interval", "timeout", "start-period", "start-interval", "retries"],
  RUN: ["mount", "network", "security", "device"],
};

type Report = (rule: string, severity: Severity, message: string, fix?: string) => void;

/** The findings of the grammar, in the order of the file. */
export function findSyntaxFaults(content: string, model: DockerfileModel): Finding[] {
  const findings: Finding[] = [];
  const reportAt =
    (line: number, column: number): Report =>
    (rule, severity, message, fix) =>
      findings.push({ rule, severity, line, column, message, ...(fix === undefined ? {} : { fix }) });
  const atStart = reportAt(1, 1);
  if (content.includes("\0")) atStart("not-text", "error", "the file holds NUL characters and is not text");
  if (model.instructions.length === 0) atStart("empty-file", "error", "the file holds no instruction", "FROM <image>");
  else if (model.stages.length === 0)
    atStart("no-from", "error", "no FROM names the image to begin with", "FROM <image>");
  for (const one of model.head) {
    const report = reportAt(one.line, one.column);
    if (one.keyword !== "ARG" && known.includes(one.keyword) && model.stages.length > 0)
      report("before-from", "error", `${one.keyword} stands before the first FROM; only ARG may`);
  }
  for (const one of model.instructions) lookAt(one, reportAt(one.line, one.column));
  lookAtStages(model, reportAt);
  return findings.sort((a, b) => a.line - b.line || a.column - b.column);
}

function lookAt(one: Instruction, report: Report): void {
  const { keyword, text } = one;
  if (!known.includes(keyword)) {
    const meant = known.find((candidate) => distance(candidate, keyword) <= 2);
    const advice = meant === undefined ? "" : `; did you mean ${meant}?`;
    report("unknown-instruction", "error", `${keyword.slice(0, 40)} is no instruction${advice}`, meant);
    return;
  }
  if (text === "") {
    report("missing-arguments", "error", `${keyword} has no arguments`);
    return;
  }
  const allowed = flagsOf[keyword];
  for (const flag of one.flags.keys()) {
    if (allowed !== undefined && !allowed.includes(flag))
      report("unknown-flag", "error", `${keyword} has no flag --${flag.slice(0, 40)}`);
  }
  rules[keyword]?.(one, report);
}

const rules: Readonly<Record<string, (one: Instruction, report: Report) => void>> = {
  FROM: ({ text }, report) => {
    const words = splitWords(text);
    const isPlain = words.length === 1 || (words.length === 3 && words[1]?.toLowerCase() === "as");
    if (!isPlain) report("from-arguments", "error", "FROM takes an image, or an image AS a name");
    else if (words[2] !== undefined && !/^[a-z][\w.-]*$/i.test(words[2]))
      report("stage-name", "error", `${words[2].slice(0, 40)} is no name for a stage`);
  },
  COPY: lookAtCopy,
  ADD: lookAtCopy,
  EXPOSE: ({ text }, report) => {
    const odd = splitWords(text).find((word) => !word.includes("$") && !isPortSpec(word));
    if (odd !== undefined) report("invalid-port", "error", `${odd.slice(0, 40)} is no port`);
  },
  HEALTHCHECK: ({ text }, report) => {
    if (!/^(cmd\s|none$)/i.test(text))
      report("healthcheck-arguments", "error", "HEALTHCHECK takes CMD and a command, or NONE");
  },
  CMD: lookAtExecForm,
  ENTRYPOINT: lookAtExecForm,
  MAINTAINER: (_, report) =>
    report("maintainer-deprecated", "warning", "MAINTAINER is deprecated; use LABEL org.opencontainers.image.authors"),
};

function lookAtCopy(one: Instruction, report: Report): void {
  if (one.text.includes("<<")) return;
  if (copyPaths(one).length < 2)
    report("copy-arguments", "error", `${one.keyword} takes at least a source and a target`);
}

function lookAtExecForm({ keyword, text }: Instruction, report: Report): void {
  if (text.startsWith("[") && execWords(text) === null)
    report("invalid-json", "warning", `${keyword} begins like a JSON array and is none, so a shell runs it as written`);
}

function isPortSpec(word: string): boolean {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(?:tcp|udp|sctp))?$/i.exec(word);
  return match !== null && [match[1], match[2] ?? "1"].every((port) => Number(port) >= 1 && Number(port) <= 65_535);
}

function lookAtStages(model: DockerfileModel, reportAt: (line: number, column: number) => Report): void {
  const names = new Map<string, number>();
  for (const { name, index } of model.stages) if (name !== null && !names.has(name)) names.set(name, index);
  for (const stage of model.stages) {
    const report = reportAt(stage.line, 1);
    if (stage.name !== null && names.get(stage.name) !== stage.index)
      report("duplicate-stage", "warning", `another stage is called ${stage.name} too`);
    if (stage.from.includes("$") && (stage.image === "" || stage.image.includes("$"))) {
      report(
        "base-undefined",
        "warning",
        `${stage.from} has no default before the first FROM: every build must pass it`,
      );
    }
    for (const one of stage.instructions) {
      const from = one.flags.get("from")?.toLowerCase();
      if (from === undefined) continue;
      const index = /^\d+$/.test(from) ? Number(from) : names.get(from);
      if (index !== undefined && index >= stage.index) {
        reportAt(one.line, one.column)(
          "unknown-stage",
          "error",
          `--from=${from} names a stage that is not built before this one`,
        );
      }
    }
  }
}

/** How many letters must change; only for words of about the same length. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let at = 1; at <= a.length; at++) {
    const next = [at];
    for (let other = 1; other <= b.length; other++) {
      const change = (row[other - 1] ?? 0) + (a[at - 1] === b[other - 1] ? 0 : 1);
      next.push(Math.min(change, (row[other] ?? 0) + 1, (next[other - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 3;
}
