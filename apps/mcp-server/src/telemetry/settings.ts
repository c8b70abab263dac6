import type { AlertRules } from "@container-kit/observability";
import { fail } from "../errors.ts";

/** What the program was told about its telemetry. */
export interface TelemetrySettings {
  /** Where traces and measurements are sent by OTLP over HTTP, e.g. `http://localhost:4318`; null sends nothing. */
  readonly otlp: string | null;
  readonly alerts: AlertRules;
}

/** Where an endpoint may come from, the heaviest first. */
export interface OtlpSources {
  readonly flag: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly files: readonly (string | undefined)[];
}

/**
 * The endpoint that counts: flag, then OpenTelemetry's own variable, then the files.
 *
 * @throws INVALID_INPUT for what is no address, or asks for a protocol that is not spoken
 */
export function otlpEndpoint({ flag, environment, files }: OtlpSources): string | null {
  const variable = environment["OTEL_EXPORTER_OTLP_ENDPOINT"];
  const disabled = environment["OTEL_SDK_DISABLED"]?.toLowerCase() === "true";
  const named = [flag, disabled ? "" : variable, ...(disabled ? [] : files)].find((one) => (one ?? "") !== "");
  if (named === undefined) return null;
  checkEndpoint(named, flag === undefined ? "the OTLP endpoint" : "--otlp");
  const protocol = environment["OTEL_EXPORTER_OTLP_PROTOCOL"] ?? "";
  if (!["", "http/json", "http/protobuf"].includes(protocol)) {
    throw fail("INVALID_INPUT", `OTEL_EXPORTER_OTLP_PROTOCOL is "${protocol}", which is not spoken`, {
      remedy: "Leave it out, and name the collector's HTTP endpoint, e.g. http://localhost:4318.",
    });
  }
  return named;
}

/** The headers that OpenTelemetry's variable names: `name=value,name=value`, values URL-encoded. They are secrets. */
export function otlpHeaders(environment: OtlpSources["environment"]): Readonly<Record<string, string>> {
  const pairs = (environment["OTEL_EXPORTER_OTLP_HEADERS"] ?? "").split(",").flatMap((pair) => {
    const at = pair.indexOf("=");
    return at < 1 ? [] : [[pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())]];
  });
  return Object.fromEntries(pairs);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A value that was not encoded in the first place, with a % in it.
    return text;
  }
}

function checkEndpoint(text: string, what: string): void {
  const protocol = URL.canParse(text) ? new URL(text).protocol : "";
  if (protocol === "http:" || protocol === "https:") return;
  throw fail("INVALID_INPUT", `${what} is no http(s) address`, {
    remedy: "Name the collector's HTTP endpoint, e.g. http://localhost:4318.",
  });
}
