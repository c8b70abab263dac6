import { expect, test } from "vitest";
import { otlpEndpoint, otlpHeaders } from "./settings.ts";

const nothing = { flag: undefined, environment: {}, files: [] };

test("nothing is sent unless somebody asked for it", () => {
  expect(otlpEndpoint(nothing)).toBeNull();
  expect(otlpEndpoint({ ...nothing, environment: { OTEL_EXPORTER_OTLP_ENDPOINT: "" } })).toBeNull();
});

test("the flag counts before OpenTelemetry's variable, that before the files, and the SDK's switch turns it off", () => {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://variable:4318" };
  const files = [undefined, "http://file:4318"];
  expect(otlpEndpoint({ flag: "http://flag:4318", environment, files })).toBe("http://flag:4318");
  expect(otlpEndpoint({ ...nothing, environment, files })).toBe("http://variable:4318");
  expect(otlpEndpoint({ ...nothing, files })).toBe("http://file:4318");
  expect(otlpEndpoint({ ...nothing, environment: { ...environment, OTEL_SDK_DISABLED: "true" }, files })).toBeNull();
});

test("what is no HTTP address, or a protocol that is not spoken, is refused", () => {
  for (const flag of ["localhost:4318", "ftp://x", "nonsense"]) {
    expect(() => otlpEndpoint({ ...nothing, flag })).toThrow("--otlp is no http(s) address");
  }
  const environment = { OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
  expect(() => otlpEndpoint({ ...nothing, flag: "http://x:4318", environment })).toThrow("grpc");
});

test("headers are read as OpenTelemetry writes them", () => {
  const environment = { OTEL_EXPORTER_OTLP_HEADERS: "authorization=Basic%20abc, x-odd=100%,none" };
  expect(otlpHeaders(environment)).toEqual({ authorization: "Basic abc", "x-odd": "100%" });
  expect(otlpHeaders({})).toEqual({});
});
