/** Checks of how things get into the image. */
import { bad, good } from "./check.ts";
import type { Check, CheckSubject } from "./check.ts";
import { execWords, pairsOf } from "./model.ts";
import type { Instruction } from "./model.ts";
import type { Install } from "./run-steps.ts";
import { isSecretName } from "./secret-names.ts";
import { splitWords } from "./words.ts";

const hasCacheMount = ({ mounts }: Instruction): boolean => mounts.some((mount) => mount.includes("type=cache"));

const fromContext = (one: Instruction): boolean =>
  (one.keyword === "COPY" || one.keyword === "ADD") && !one.flags.has("from");

/** The sources and the target of COPY and ADD. */
export function copyPaths({ text }: Instruction): string[] {
  return execWords(text) ?? splitWords(text);
}

const wholeTree = (one: Instruction): boolean =>
  copyPaths(one)
    .slice(0, -1)
    .some((path) => [".", "./", "/", "*"].includes(path));

/** The instructions that come after a copy of the whole source in their stage. One pass, however many there are. */
function afterSource({ model }: CheckSubject): Set<Instruction> {
  const late = new Set<Instruction>();
  for (const { instructions } of model.stages) {
    let copied = false;
    for (const one of instructions) {
      if (copied) late.add(one);
      copied ||= fromContext(one) && wholeTree(one);
    }
  }
  return late;
}

/** Installs of a project's own dependencies, not of a named tool. */
const ofProject = (install: Install): boolean =>
  install.kind === "language" && (install.packages.length === 0 || install.tool !== "npm");

export const buildChecks: readonly Check[] = [
  {
    id: "cache-mounts",
    weight: 7,
    look: ({ installs }) => {
      if (installs.length === 0) return null;
      const without = installs.find((one) => !hasCacheMount(one.instruction));
      return without === undefined
        ? good("every package install keeps its cache in a mount")
        : bad(
            `${without.tool} downloads everything again at each build; add RUN --mount=type=cache`,
            without.instruction,
          );
    },
  },
  {
    id: "manifests-first",
    weight: 7,
    look: (subject) => {
      const own = subject.installs.filter(ofProject);
      if (own.length === 0) return null;
      const afterwards = afterSource(subject);
      const late = own.find((one) => afterwards.has(one.instruction));
      return late === undefined
        ? good("dependencies are installed before the source is copied")
        : bad(
            "each change of the source installs all dependencies again; copy the manifest and the lockfile first",
            late.instruction,
          );
    },
  },
  {
    id: "frozen-install",
    weight: 5,
    look: ({ installs }) => {
      const rated = installs.filter((one) => one.kind === "language" && one.frozen !== null && ofProject(one));
      if (rated.length === 0) return null;
      const loose = rated.find((one) => one.frozen === false);
      return loose === undefined
        ? good("installs take what the lockfile says")
        : bad(`${loose.tool} may install other versions than the lockfile's; use its frozen form`, loose.instruction);
    },
  },
  {
    id: "apt-hygiene",
    weight: 3,
    look: ({ installs }) => {
      const own = installs.filter((one) => one.kind === "system");
      if (own.length === 0) return null;
      const untidy = own.find((one) => !isTidy(one));
      return untidy === undefined
        ? good("system packages are installed without extras and leave no lists")
        : bad(
            `${untidy.tool} leaves lists or extras in the layer; use --no-install-recommends and remove the lists in the same RUN`,
            untidy.instruction,
          );
    },
  },
  {
    id: "no-remote-add",
    weight: 2,
    look: ({ model }) => {
      const remote = model.instructions.find(
        (one) =>
          one.keyword === "ADD" &&
          !one.flags.has("checksum") &&
          copyPaths(one)
            .slice(0, -1)
            .some((path) => /^(https?|ftp):\/\//.test(path)),
      );
      return remote === undefined
        ? good("ADD fetches nothing from the network")
        : bad("ADD fetches an unverified file; give --checksum, or fetch and verify it in a RUN", remote);
    },
  },
  {
    id: "no-sudo-or-piped-shell",
    weight: 2,
    look: ({ model }) => {
      const runs = model.instructions.filter((one) => one.keyword === "RUN");
      const found = runs.find(({ text }) => /(^|[\s;&|])sudo\s/.test(text) || pipesDownload(text));
      return found === undefined
        ? good("no sudo and no download that is piped into a shell")
        : bad(
            "sudo, or a download piped into a shell: run as root in a build stage, and verify what was fetched",
            found,
          );
    },
  },
  {
    id: "syntax-directive",
    weight: 2,
    look: ({ model }) =>
      model.directives.has("syntax")
        ? good(`syntax ${model.directives.get("syntax") ?? ""}`)
        : bad("begin with # syntax=docker/dockerfile:1, so that every builder reads the file alike"),
  },
  {
    id: "no-secrets",
    weight: 6,
    look: ({ model }) => {
      for (const one of model.instructions) {
        if (one.keyword !== "ENV" && one.keyword !== "ARG") continue;
        const name = pairsOf(one).find(([key]) => isSecretName(key))?.[0];
        if (name !== undefined)
          return bad(
            `${one.keyword} ${name} stays readable in the image; hand it over as a build secret or at run time`,
            one,
          );
      }
      const file = model.instructions.find((one) => fromContext(one) && copyPaths(one).slice(0, -1).some(isSecretFile));
      return file === undefined
        ? good("no variable and no file that is named like a secret")
        : bad("a file that is named like a secret is copied into the image", file);
    },
  },
];

function isTidy({ tool, instruction }: Install): boolean {
  const { text } = instruction;
  const cached = instruction.mounts.some((mount) => /target=\/var\/(lib\/apt|cache\/apk)/.test(mount));
  if (tool === "apk") return text.includes("--no-cache") || cached || text.includes("/var/cache/apk");
  if (tool === "apt" || tool === "apt-get")
    return text.includes("--no-install-recommends") && (cached || text.includes("/var/lib/apt/lists"));
  return /clean all/.test(text) || instruction.mounts.length > 0;
}

function pipesDownload(text: string): boolean {
  const parts = text.split(/&&|;|\n/);
  return parts.some((part) => {
    const pipe = part.split("|").map((piece) => piece.trim());
    return (
      pipe.length > 1 &&
      /^(curl|wget)\b/.test(pipe[0] ?? "") &&
      pipe.slice(1).some((piece) => /^(sudo\s+)?(ba|z|da|a)?sh\b/.test(piece))
    );
  });
}

function isSecretFile(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return /^(\.env|\.env\.(?!example|sample|template)[\w.]+|id_rsa|id_ed25519|\.netrc|\.pypirc|[\w.-]+\.(pem|key|p12|pfx))$/.test(
    name,
  );
}
