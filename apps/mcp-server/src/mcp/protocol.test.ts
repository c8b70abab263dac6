import { ErrorCode, SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/sdk/types.js";
import { expect, test } from "vitest";
import { PROTOCOL_ERROR, PROTOCOL_VERSIONS } from "./protocol.ts";

test("the revisions and error codes are those of the SDK", () => {
  expect(PROTOCOL_VERSIONS).toEqual(SUPPORTED_PROTOCOL_VERSIONS);
  expect(PROTOCOL_ERROR).toEqual({
    parse: ErrorCode.ParseError,
    invalidRequest: ErrorCode.InvalidRequest,
    methodNotFound: ErrorCode.MethodNotFound,
    invalidParams: ErrorCode.InvalidParams,
    internal: ErrorCode.InternalError,
  });
});
