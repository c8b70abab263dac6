/** The README against the commands and flags that there are. */
import { readFile } from "node:fs/promises";
import { PassThrough } from "node:stream";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { createProgram } from "../src/command-line/program.ts";

const stream = new PassThrough();
const program = createProgram(
  {
    stdin: stream,
    stdout: stream,
    stderr: stream,
    environment: {},
    workingDirectory: "/",
    homeDirectory: "/",
    onStop: () => () => {},
    exit: () => {},
  },
  "1.2.3",
  { ended: () => {}, help: () => {} },
);

/** The names of a command and of all below it, as they are typed. */
function namesOf(command: Command, before = ""): readonly string[] {
  return command.commands.flatMap((each) => {
    const name = `${before}${each.name()}`;
    return each.commands.length > 0 ? namesOf(each, `${name} `) : [name];
  });
}

function flagsOf(command: Command): readonly string[] {
  const own = command.options.flatMap(({ long }) => (long === undefined || long === null ? [] : [long]));
  return [...own, ...command.commands.flatMap(flagsOf)];
}

test("the README names every command and every flag, and no other", async () => {
  const text = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const tables = text.slice(text.indexOf("## Commands"), text.indexOf("## Exit status"));
  const rows = tables.split("\n").filter((row) => row.startsWith("| `"));
  const first = rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name),
  );
  const named = first.map((name) => name.replace(/ <.*$/, ""));
  const known = [...namesOf(program), ...new Set(flagsOf(program)), "--help"];
  expect(named.toSorted()).toEqual(known.toSorted());
});
