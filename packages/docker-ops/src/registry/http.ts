/**
 * One request to a registry or to its token service.
 *
 * - N1  Redirects are not followed: a credential goes to nobody but whom it was meant for.
 * - N2  Bounded in size and in silence.
 */
import http from "node:http";
import https from "node:https";
import { oneLine } from "../wire/engine-error.ts";
import { fail } from "../errors.ts";
import { refusingLookup } from "./link-local.ts";

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface RegistryRequest {
  readonly method: "GET" | "HEAD" | "POST" | "DELETE";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** Accepts any certificate: only for registries that the engine too treats as insecure. */
  readonly insecure?: boolean;
  /** Refuses a name that resolves to a link-local address: for places that a registry names. */
  readonly refuseLinkLocal?: boolean;
}

/** No answer that we read is larger; a manifest may be 4 MiB by the specification. */
const LARGEST_BODY = 4 * 1024 * 1024;

/** A registry that accepts and says nothing is given up after so many milliseconds. */
const IDLE_MS = 30_000;

/** @throws REGISTRY_TLS REGISTRY_UNAVAILABLE, which also says that the signal came before the answer */
export function requestRegistry({
  method,
  url,
  headers = {},
  body,
  signal,
  insecure = false,
  refuseLinkLocal = false,
}: RegistryRequest): Promise<RegistryAnswer> {
  return new Promise((resolve, reject) => {
    // What ends before it begins is no fault of the registry's.
    signal.throwIfAborted();
    const failed = (cause: Error) => reject(signal.aborted ? unanswered(cause, url) : connectionError(cause, url));
    const options = {
      method,
      headers,
      signal,
      agent: false as const,
      ...(refuseLinkLocal ? { lookup: refusingLookup } : {}),
    };
    const request =
      url.protocol === "https:"
        ? https.request(url, { ...options, rejectUnauthorized: !insecure })
        : http.request(url, options);
    request.setTimeout(IDLE_MS, () => request.destroy(new Error(`it said nothing for ${IDLE_MS} ms`)));
    request.on("error", failed);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > LARGEST_BODY) request.destroy(new Error(`the answer is larger than ${LARGEST_BODY} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", failed);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    request.end(body);
  });
}

/** The JSON of an answer's body; undefined when it is none. */
export function jsonOf({ body }: RegistryAnswer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function unanswered(cause: Error, url: URL): Error {
  return fail("REGISTRY_UNAVAILABLE", `the registry ${url.host} did not answer in time`, {
    cause,
    details: { registry: url.host },
  });
}

function connectionError(cause: Error, url: URL): Error {
  const code = "code" in cause ? String(cause.code) : "";
  const isTls = /CERT|SIGNED|TLS|SSL|ALTNAME|EPROTO|UNABLE_TO_VERIFY/.test(code);
  // OpenSSL's own words end with a line break, and take plain HTTP for a version of TLS.
  const why = /wrong version number/.test(cause.message) ? "it does not speak TLS" : oneLine(cause.message);
  return fail(isTls ? "REGISTRY_TLS" : "REGISTRY_UNAVAILABLE", `the registry ${url.host} cannot be reached: ${why}`, {
    cause,
    details: { registry: url.host },
  });
}
