import { expect, test } from "vitest";
import { finalBase, globalArguments, parseDockerfile } from "./dockerfile-images.ts";

test.each([
  ["FROM node:20", undefined, "node:20"],
  ["ARG V=18\nFROM node:${V} AS a\nFROM a AS b\nFROM busybox\nFROM b", undefined, "node:18"],
  ["FROM node:20 AS a\nFROM alpine AS b", "a", "node:20"],
  ["FROM node:20 AS a\nFROM alpine AS b", "1", "alpine"],
  ["FROM node AS node\nFROM node", undefined, "node"],
  ["FROM a AS x\nFROM x AS x\nFROM x", undefined, "a"],
  ["FROM scratch", undefined, null],
  ["FROM one AS amd64\nFROM two AS arm64\nFROM $TARGETARCH", undefined, "two"],
  ["FROM node:${UNKNOWN}", undefined, null],
  ["FROM node:${UNKNOWN:-20}", undefined, "node:20"],
  ["FROM node:20", "nope", null],
  ["RUN x", undefined, null],
])("%j with the target %s stands on %s", (content, target, expected) => {
  const parsed = parseDockerfile(content);
  expect(finalBase(parsed, globalArguments(parsed, {}, { TARGETARCH: "arm64" }), target)).toBe(expected);
});
