import { describe, expect, test } from "vitest";
import { findImages, registriesOf } from "./dockerfile-images.ts";

const NODE = "docker.io/library/node:20";
const EVIL = "docker.io/library/evil:latest";
const lines = (...text: readonly string[]): string => `${text.join("\n")}\n`;

describe("what a builder would take is found", () => {
  test.each([
    ["a FROM", lines("FROM node:20"), [NODE]],
    [
      "stages, and none of their names",
      lines(
        "FROM node:20 AS build",
        "FROM build AS next",
        "FROM scratch",
        "COPY --from=build /a /a",
        "COPY --from=0 /a /b",
      ),
      [NODE],
    ],
    ["a platform before the image", lines("FROM --platform=$BUILDPLATFORM node:20"), [NODE]],
    ["an image that is copied from", lines("FROM node:20", "COPY --from=evil /a /a"), [NODE, EVIL]],
    ["an image that is mounted", lines("FROM node:20", "RUN --mount=type=bind,from=evil,target=/a ls"), [NODE, EVIL]],
    ["the frontend", lines("# syntax=docker/dockerfile:1", "FROM node:20"), ["docker.io/docker/dockerfile:1", NODE]],
    ["an ARG's default", lines("ARG BASE=node:20", "FROM ${BASE}"), [NODE]],
    ["an ARG of another", lines("ARG V=20", "ARG BASE=node:${V}", "FROM $BASE"), [NODE]],
    ["both of two defaults", lines("ARG BASE=node:20", "ARG BASE=evil", "FROM $BASE"), [NODE, EVIL]],
    ["the value in place of none", lines("FROM ${BASE:-node:20}"), [NODE]],
    ["a FROM over two lines", lines("FR\\", "OM evil", "FROM node:20"), [EVIL, NODE]],
    [
      "a FROM behind another escape",
      lines("# escape=`", "FROM node:20 `", "  AS a", "RUN echo \\", "FROM evil"),
      [NODE, EVIL],
    ],
    ["a FROM with a carriage return", "FROM node:20\r\nFROM evil\r\n", [NODE, EVIL]],
    [
      "a stage's number, which is none to a FROM",
      lines("FROM node:20", "FROM 0"),
      [NODE, "docker.io/library/0:latest"],
    ],
    [
      "a stage's number, which is none to a mount",
      lines("FROM node:20", "RUN --mount=from=0,target=/a ls"),
      [NODE, "docker.io/library/0:latest"],
    ],
    ["a stage that is named only below", lines("FROM evil", "FROM node:20 AS evil"), [EVIL, NODE]],
    [
      "a stage that is named in a text only",
      lines(
        "FROM node:20",
        "RUN cat <<1 <<'E'",
        "1",
        "FROM node:20 AS evil",
        " E",
        "FROM node:20 AS evil",
        "E",
        "FROM evil",
      ),
      [NODE, EVIL],
    ],
    [
      "a stage that is named behind a false escape",
      lines("# escape=`", "FROM node:20", "RUN a `", "FROM node:20 AS evil", "FROM evil"),
      [NODE, EVIL],
    ],
    ["a trigger's image", lines("FROM node:20", "ONBUILD COPY --from=evil /a /a"), [NODE, EVIL]],
    ["lower-case words", lines("from node:20 as a", "from a"), [NODE]],
  ])("%s", (_, text, images) => {
    expect([...(findImages(text) ?? ["unknown"])].sort()).toEqual([...images].sort());
  });
});

describe("what nobody can know is told as unknown", () => {
  test.each([
    ["a value that the builder sets", "FROM node:$TARGETARCH"],
    ["an ARG without a value", "ARG BASE\nFROM $BASE"],
    ["a quoted image", 'FROM "node:20"'],
    ["a quoted mount", 'FROM node:20\nRUN --mount=type=bind,fr"om"=evil,target=/a ls'],
    ["a mount of a variable", "ARG X=node:20\nFROM node:20\nENV X=evil\nRUN --mount=from=$X,target=/a ls"],
    ["another way to expand", "ARG A=node\nFROM ${A%x}"],
    ["an ARG with an escape", "ARG A=no\\de\nFROM $A"],
    ["ARGs that name each other", "ARG A=$B\nARG B=$A\nFROM $A"],
    ["an image id", `FROM ${"a".repeat(64)}`],
    ["a file in JSON", '{"syntax": "evil"}'],
    ["a file too long to look through", `FROM node:20\n${"#".repeat(600_000)}`],
  ])("%s", (_, text) => {
    expect(findImages(text)).toBeNull();
  });
});

test("the caller's value counts where the ARG is declared at the top, and beside the default where that is not certain", () => {
  const buildArgs = { BASE: "node:20" };
  expect(findImages("ARG BASE=evil\nFROM $BASE\n", { buildArgs })).toEqual([NODE]);
  expect(findImages("FROM ${BASE:-evil}\nARG BASE\n", { buildArgs })).toEqual([NODE, EVIL]);
  expect(findImages("FROM node:20\n", { buildArgs: { BUILDKIT_SYNTAX: "evil" } })).toEqual([EVIL, NODE]);
});

test("an image that is replaced counts as what is used", () => {
  const replacements = { "node:20": "r.example.com/node:20", "docker/dockerfile:1": "builtin" };
  const images = findImages("# syntax=docker/dockerfile:1\nFROM node:20\n", { replacements }) ?? [];
  expect(images).toEqual(["r.example.com/node:20"]);
  expect(registriesOf(images)).toEqual(["r.example.com"]);
});

test("a text that only looks like Dockerfile instructions is no image", () => {
  expect(findImages(lines("FROM node:20", "RUN python3 <<EOF", "from os import path", "EOF", "# FROM evil"))).toEqual([
    NODE,
  ]);
});
