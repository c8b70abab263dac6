/** What a build does that its caller should know of, although it succeeds. A value is never part of a warning. */
import type { Dockerfile } from "dockerfile-ast";
import type { EngineProfile } from "../engine/profile.ts";
import { settingsOf } from "./dockerfile-images.ts";
import type { Setting } from "./dockerfile-images.ts";
import { SHORTEST_LEARNED } from "./secrets.ts";
import type { BaseImageReplacement, BuildOptions, BuildResult } from "./types.ts";

export interface WarningSources {
  /** Null where it was not analysed. */
  readonly parsed: Dockerfile | null;
  readonly options: Pick<BuildOptions, "buildArgs">;
  readonly replacements: readonly BaseImageReplacement[];
  readonly profile: EngineProfile;
  readonly builder: BuildResult["builder"];
  /** Build arguments that the engine says no instruction takes. */
  readonly unusedArguments: readonly string[];
  /** Labels that the image does not have as they were asked for. */
  readonly missingLabels: readonly string[];
}

export function buildWarnings({
  parsed,
  options: { buildArgs = {} },
  replacements,
  profile,
  builder,
  unusedArguments,
  missingLabels,
}: WarningSources): readonly string[] {
  const given = Object.entries(buildArgs).map(([name, value]) => ({ name, value }));
  const written = (keyword: "ARG" | "ENV") =>
    parsed === null ? [] : settingsOf(parsed, keyword).filter(looksLikeSecret);
  const losesHealthcheck = !profile.healthcheck && (parsed?.getHEALTHCHECKs().length ?? 0) > 0;
  return [
    ...replacements.map(({ named, used }) => `built on ${used} in place of ${named}, as the configuration says`),
    ...given
      .filter(looksLikeSecret)
      .map(
        ({ name }) => `the build argument ${name} looks like a secret and is kept in the image's history: ${ADVICE}`,
      ),
    ...(["ARG", "ENV"] as const).flatMap((keyword) =>
      names(written(keyword)).map(
        (name) => `${keyword} ${name} of the Dockerfile looks like a secret and is kept in the image: ${ADVICE}`,
      ),
    ),
    ...unusedArguments
      .filter((name) => Object.hasOwn(buildArgs, name))
      .map((name) => `no instruction takes the build argument ${name}`),
    ...(missingLabels.length === 0
      ? []
      : [`the image does not have these labels as given: ${missingLabels.join(", ")}`]),
    ...(profile.buildkit && builder === "classic"
      ? ["built by the classic builder, because the endpoint gives no session for BuildKit"]
      : []),
    ...(losesHealthcheck ? ["the engine drops the Dockerfile's HEALTHCHECK, because the OCI format has none"] : []),
  ];
}

/**
 * The values that look like a secret's among a Dockerfile's settings and a build's arguments: whoever puts one into an
 * image has it there, and nobody else is to read it in a log. A shorter value would mask ordinary text.
 */
export function secretSettings(
  parsed: Dockerfile | null,
  buildArgs: BuildOptions["buildArgs"] = {},
): readonly string[] {
  const written = parsed === null ? [] : (["ARG", "ENV"] as const).flatMap((keyword) => settingsOf(parsed, keyword));
  const given = Object.entries(buildArgs).map(([name, value]) => ({ name, value }));
  return [...written, ...given]
    .filter(looksLikeSecret)
    .flatMap(({ value }) => (value === null || value.length < SHORTEST_LEARNED ? [] : [value]));
}

const ADVICE = "pass it in `secrets` and read it with RUN --mount=type=secret";

/** Words of a name that say that the value is a secret. */
const SECRET_WORDS =
  /(?:^|_)(?:password|passwd|passphrase|pwd|secret|token|credentials?|apikey|api_key|access_key|private_key|secret_key|auth)(?:_|$)/i;

/** Words that say that the value tells where the secret is, or is meant to be seen. */
const HARMLESS_WORDS = /(?:^|_)(?:public|file|path|dir|url|uri|host|name|id|ttl|type|enabled|length|header)$/i;

/** Tokens that their makers made recognisable, keys, and addresses with a password. */
const SECRET_VALUE =
  /^(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|npm_\w{30,}|xox[abposr]-[\w-]{10,}|sk-[\w-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}|AIza[\w-]{30,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})$|-----BEGIN [A-Z ]{0,40}PRIVATE KEY|^[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{1,200}:[^\s/@$]{1,200}@/;

/** Whether a name and its value look like a secret. A value that is empty or taken from a variable is none. */
export function looksLikeSecret({ name, value }: Setting): boolean {
  if (value === null || value === "") return false;
  if (SECRET_VALUE.test(value)) return true;
  const isLiteral = !value.startsWith("$") && !/^(?:true|false|\d{1,3})$/i.test(value);
  return isLiteral && SECRET_WORDS.test(snakeCase(name)) && !HARMLESS_WORDS.test(name);
}

/** `npmToken` and `NPM-TOKEN` in the words of `npm_token`. */
function snakeCase(name: string): string {
  return name.replaceAll(/([a-z\d])([A-Z])/g, "$1_$2").replaceAll(/[^A-Za-z\d]+/g, "_");
}

function names(settings: readonly Setting[]): readonly string[] {
  return [...new Set(settings.map(({ name }) => name))];
}
