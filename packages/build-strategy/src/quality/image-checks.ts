/** Checks of the bases, the stages and who runs. */
import { bad, good } from "./check.ts";
import type { Check, CheckSubject } from "./check.ts";
import { baseImageOf, chainOf, lastOf } from "./model.ts";
import type { Stage } from "./model.ts";

const rootless = /nonroot|rootless|unprivileged|chiseled/i;
const small = /slim|alpine|distroless|chainguard|wolfi|chiseled|busybox|scratch|micro|-jre|jre-|\bjre\b|static/i;

/** The stages that begin with an image of a registry. */
function external(subject: CheckSubject): Stage[] {
  return subject.model.stages.filter((stage) => stage.parent === null && stage.image.toLowerCase() !== "scratch");
}

const tagOf = (image: string): string | null => {
  const name = image.split("@")[0] ?? "";
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? name.slice(colon + 1) : null;
};

const hasDigest = (image: string): boolean => /@sha256:[0-9a-f]{64}$|@sha512:[0-9a-f]{128}$/.test(image);

function isRoot(user: string): boolean {
  return ["root", "0"].includes(user.split(":")[0] ?? "");
}

export const imageChecks: readonly Check[] = [
  {
    id: "non-root-user",
    weight: 12,
    look: ({ final, base }) => {
      const user = lastOf(final, "USER");
      if (user === undefined)
        return rootless.test(base) ? good(`${base} does not run as root`) : bad("the program runs as root; set a USER");
      return isRoot(user.text)
        ? bad("the last USER is root; set one without privileges", user)
        : good(`runs as ${user.text}`);
    },
  },
  {
    id: "multi-stage",
    weight: 10,
    look: ({ model }) =>
      model.stages.length > 1
        ? good(`${model.stages.length} stages; only the last one is shipped`)
        : bad("one stage: what is needed only to build is shipped too; build in a stage of its own"),
  },
  {
    id: "pinned-tag",
    weight: 8,
    look: (subject) => {
      const loose = external(subject).find(({ image }) => !hasDigest(image) && ["latest", null].includes(tagOf(image)));
      if (external(subject).length === 0) return null;
      return loose === undefined
        ? good("every base names its version")
        : bad(`${loose.image} names no version; add a tag that is not latest`);
    },
  },
  {
    id: "minimal-base",
    weight: 8,
    look: ({ last }) => {
      const base = baseImageOf(last);
      return small.test(base)
        ? good(`${base} is a small base`)
        : bad(`${base} is a full system; use its slim, alpine or distroless form at run time`);
    },
  },
  {
    id: "digest-pin",
    weight: 6,
    look: (subject) => {
      const bases = external(subject);
      if (bases.length === 0) return null;
      const loose = bases.find(({ image }) => !hasDigest(image));
      const remedy = "pin it with @sha256:<digest> once its registry has been asked; a digest is never guessed";
      return loose === undefined
        ? good("every base is pinned by digest")
        : bad(`${loose.image} can change under its tag; ${remedy}`);
    },
  },
  {
    id: "numeric-user",
    weight: 2,
    look: ({ final }) => {
      const user = lastOf(final, "USER");
      if (user === undefined) return null;
      return /^\d+(:\d+)?$/.test(user.text)
        ? good(`USER ${user.text} is a number`)
        : bad(`USER ${user.text} is a name; a cluster can only verify a number`, user);
    },
  },
  {
    id: "no-build-tools",
    weight: 4,
    look: ({ last, installs }) => {
      const own = new Set(chainOf(last).flatMap((stage) => stage.instructions));
      const tools =
        /^(gcc|g\+\+|make|cmake|build-essential|build-base|clang|git|python3?-dev|musl-dev|linux-headers|[\w.+-]+-dev)(=.*)?$/;
      const found = installs.find(
        (one) => one.kind === "system" && own.has(one.instruction) && one.packages.some((name) => tools.test(name)),
      );
      return found === undefined
        ? good("the final stage installs no build tools")
        : bad("the final stage installs build tools; move them to a stage that is not shipped", found.instruction);
    },
  },
];
