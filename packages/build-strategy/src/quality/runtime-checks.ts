/** Checks of what the final image tells an engine about its program. */
import { bad, good } from "./check.ts";
import type { Check } from "./check.ts";
import { execWords, lastOf, pairsOf } from "./model.ts";

const labels = [
  "title",
  "description",
  "version",
  "licenses",
  "source",
  "revision",
  "created",
  "base.name",
  "base.digest",
  "vendor",
  "url",
  "authors",
];

export const runtimeChecks: readonly Check[] = [
  {
    id: "exec-form",
    weight: 6,
    look: ({ final }) => {
      const commands = [lastOf(final, "ENTRYPOINT"), lastOf(final, "CMD")].filter((one) => one !== undefined);
      if (commands.length === 0) return null;
      const shell = commands.find((one) => execWords(one.text) === null);
      return shell === undefined
        ? good("the program is process 1 and gets its signals")
        : bad(`${shell.keyword} runs in a shell that keeps signals to itself; write it as a JSON array`, shell);
    },
  },
  {
    id: "healthcheck",
    weight: 5,
    look: ({ final, base }) => {
      const check = lastOf(final, "HEALTHCHECK");
      if (/^none$/i.test(check?.text ?? "")) return null;
      if (check !== undefined) return good("an engine can ask for the program's health");
      if (/distroless|^scratch$|chainguard\/static/i.test(base)) return null;
      return bad("nothing tells whether the program still works; add a HEALTHCHECK that uses the runtime itself");
    },
  },
  {
    id: "oci-labels",
    weight: 4,
    look: ({ final }) => {
      const names = new Set(
        final.filter((one) => one.keyword === "LABEL").flatMap((one) => pairsOf(one).map(([name]) => name)),
      );
      const found = labels.filter((label) => names.has(`org.opencontainers.image.${label}`));
      return found.length >= 3
        ? good(`${found.length} labels of the OCI vocabulary`)
        : bad("label title, source, revision, version and base.name with org.opencontainers.image.*");
    },
  },
  {
    id: "expose",
    weight: 2,
    look: ({ final }) => {
      if (/^none$/i.test(lastOf(final, "HEALTHCHECK")?.text ?? "") && lastOf(final, "EXPOSE") === undefined)
        return null;
      return final.some((one) => one.keyword === "EXPOSE")
        ? good("the port is documented")
        : bad("EXPOSE the port that the program listens on");
    },
  },
  {
    id: "absolute-workdir",
    weight: 2,
    look: ({ model }) => {
      const all = model.instructions.filter((one) => one.keyword === "WORKDIR");
      if (all.length === 0) return null;
      const relative = all.find((one) => !/^["']?([/$]|[A-Za-z]:[\\/])/.test(one.text));
      return relative === undefined
        ? good("every WORKDIR is absolute")
        : bad(`WORKDIR ${relative.text} depends on the one before; write it from the root`, relative);
    },
  },
  {
    id: "production-environment",
    weight: 2,
    look: ({ final, base }) => {
      const wanted = variableFor(base);
      if (wanted === null) return null;
      const pairs = final.filter((one) => one.keyword === "ENV").flatMap(pairsOf);
      const value = pairs.findLast(([name]) => name === wanted)?.[1];
      return value === "production"
        ? good(`${wanted} is production`)
        : bad(`libraries run slower and tell more without ${wanted}=production; set it in the final stage`);
    },
  },
];

/** The variable by which programs on a base know that they are in production; null when there is no such habit. */
function variableFor(base: string): string | null {
  const name = base.split(/[@:]/)[0] ?? "";
  if (/(^|\/)(node|bun|nodejs[\w-]*)$/.test(name) || /nodejs/.test(base)) return "NODE_ENV";
  return /(^|\/)ruby$/.test(name) ? "RAILS_ENV" : null;
}
